/** Many handles with few system calls: what Linux can do. */
import { osName } from "../../ffi/host.ts";
import { areOpen, close_range, duplicateBySending, MOST_SENT } from "../../ffi/posix/batch.ts";
import { close } from "../../ffi/posix/dup.ts";
import { fcntl_getfd } from "../../ffi/posix/fcntl.ts";
import { Attempts } from "../util/attempts.ts";
import type { BatchPlatform } from "./types.ts";
import { closeAll } from "../handle/close_all.ts";
import { observer, reportNumber } from "../handle/hooks.ts";
import { MINIMUM } from "../handle/posix.ts";

/** From so many on a batch is faster: `npm run bench` shows where the lines cross. */
const WORTHWHILE = 112;

/** Many handles on Linux; elsewhere one by one. */
export const posixBatches: BatchPlatform = {
  duplicate(raws) {
    const isWorthwhile = raws.length >= WORTHWHILE && raws.length <= MOST_SENT;
    if (!isWorthwhile || osName() !== "linux") return undefined;
    const copies = duplicateBySending(raws);
    if (copies.length === raws.length && !hasStandard(copies)) {
      if (observer !== undefined) copies.forEach(reportNumber);
      return copies;
    }
    closeAll(copies); // one by one it shows which cannot be, and why
    return undefined;
  },
  requireOpen(raws) {
    if (areOpen(Int32Array.from(raws).sort()) !== true) raws.forEach(fcntl_getfd);
  },
  close(raws) {
    if (raws.length < WORTHWHILE || osName() !== "linux") return false;
    const ascending = Int32Array.from(raws).sort();
    if (hasTwice(ascending) || areOpen(ascending) !== true) return false;
    const attempts = new Attempts();
    let hasRanges = true;
    let first = ascending[0]!;
    for (let at = 1; at <= ascending.length; at++) {
      const last = ascending[at - 1]!;
      if (ascending[at] === last + 1) continue;
      hasRanges &&= close_range(first, last);
      for (let fd = first; !hasRanges && fd <= last; fd++) attempts.run(() => close(fd));
      first = ascending[at]!;
    }
    attempts.end();
    return true;
  },
};

/** Whether a number has two owners, of which the second is to be told that it closed nothing. */
function hasTwice(ascending: Int32Array): boolean {
  for (let at = 1; at < ascending.length; at++) {
    if (ascending[at] === ascending[at - 1]) return true;
  }
  return false;
}

/** Whether one got the number of a standard descriptor, which was closed. */
function hasStandard(copies: readonly number[]): boolean {
  for (let at = 0; at < copies.length; at++) if (copies[at]! < MINIMUM) return true;
  return false;
}
