/** Many handles with few system calls: what Linux can do. */
import { osName } from "../../ffi/host.ts";
import { areOpen, close_range, duplicateBySending, MOST_SENT } from "../../ffi/posix/batch.ts";
import { close } from "../../ffi/posix/dup.ts";
import { fcntl_getfd } from "../../ffi/posix/fcntl.ts";
import { Attempts } from "../util/attempts.ts";
import type { BatchPlatform } from "./types.ts";
import { closeAll } from "../handle/raw.ts";
import { observer, reportNumber } from "../handle/hooks.ts";
import { MINIMUM } from "../handle/posix.ts";

/** The fewest handles for which a batch is faster: `npm run bench` shows where the lines cross. */
const MIN_BATCH = 112;

/** Many handles on Linux; elsewhere one by one. */
export const posixBatches: BatchPlatform = {
  duplicate(raws) {
    const isFaster = raws.length >= MIN_BATCH && raws.length <= MOST_SENT;
    if (!isFaster || osName() !== "linux") return undefined;
    const copies = duplicateBySending(raws);
    if (copies.length === raws.length && !hasStandardFd(copies)) {
      if (observer === undefined) return copies;
      for (const copy of copies) reportNumber(copy, () => closeAll(copies));
      return copies;
    }
    closeAll(copies); // one by one the error says which cannot be duplicated, and why
    return undefined;
  },
  requireOpen(raws) {
    if (areOpen(Int32Array.from(raws).sort()) !== true) raws.forEach(fcntl_getfd);
  },
  close(raws) {
    if (raws.length < MIN_BATCH || osName() !== "linux") return false;
    const ascending = Int32Array.from(raws).sort();
    if (hasDuplicates(ascending) || areOpen(ascending) !== true) return false;
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

/** Whether a number is there twice, with two owners: then the close of the second one must fail. */
function hasDuplicates(ascending: Int32Array): boolean {
  for (let at = 1; at < ascending.length; at++) {
    if (ascending[at] === ascending[at - 1]) return true;
  }
  return false;
}

/** Whether a copy got the number of a standard descriptor, because that was closed. */
function hasStandardFd(copies: readonly number[]): boolean {
  for (let at = 0; at < copies.length; at++) if (copies[at]! < MINIMUM) return true;
  return false;
}
