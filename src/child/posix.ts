/**
 * Children on Linux and macOS: each handle is an entry of the child's `stdio`, so its number in the
 * child is known before the child starts.
 */
import { hasCode } from "../../ffi/error.ts";
import { FD_CLOEXEC, O_NONBLOCK } from "../../ffi/posix/constants.ts";
import { fcntl_dupfd_cloexec } from "../../ffi/posix/dup.ts";
import { fcntl_getfd, fcntl_getfl, fcntl_setfd, fcntl_setfl } from "../../ffi/posix/fcntl.ts";
import { openDescriptors } from "../../ffi/posix/identity.ts";
import { posixBatches } from "../batch/posix.ts";
import { denoFiles } from "../util/node.ts";
import { MINIMUM } from "../handle/posix.ts";
import { findDescriptorsForChildren } from "../handle/posix_streams.ts";
import { closeAll } from "../handle/raw.ts";
import { nodeFs } from "../util/node.ts";
import { tryOrUndefined } from "../util/platform.ts";
import {
  type ClearedDescriptor,
  clearInheritance,
  descriptorsKeptBy,
  restoreInheritance,
  tagOf,
} from "./posix_inheritance.ts";
import { withoutDuplicatesOfDeno } from "./posix_deno.ts";
import { startAlone } from "./posix_lock.ts";
import { numbersInChild, stdioWith } from "./posix_numbers.ts";
import { type ChildPlatform, StdioHandle } from "./types.ts";

/** Children on Linux and macOS. */
export const posixChildren: ChildPlatform = {
  withInheritable(sources, entries, program, start) {
    const inStdio = entries.flatMap((entry) => entry instanceof StdioHandle ? entry.raw : []);
    posixBatches.requireOpen([...sources, ...inStdio]);
    return startAlone((neutral) => {
      const temporary: number[] = [];
      const cleared: ClearedDescriptor[] = [];
      const nonBlocking = nonBlockingIn([...sources, ...inStdio]);
      try {
        const values = numbersInChild(sources, entries.length);
        const stdio = stdioWith(entries, sources, values, temporary);
        fillBelow(stdio.length, neutral, temporary);
        const allStdio = withoutDuplicatesOfDeno(stdio, program, temporary);
        clearInheritance(openDescriptors(), descriptorsKeptBy(stdio), cleared);
        return start({ values, tags: sources.map(tagOf), stdio: allStdio });
      } finally {
        cleared.forEach(restoreInheritance);
        nonBlocking.forEach(makeNonBlocking);
        closeAll(temporary);
      }
    });
  },
  takeOver(raw, tag) {
    let flags: number;
    try {
      flags = fcntl_getfd(raw);
    } catch {
      return false;
    }
    if (tag !== "" && tag !== tagOf(raw)) return false;
    if (denoFiles() !== undefined) {
      findDescriptorsForChildren();
      closeDenoDuplicate(raw);
    }
    fcntl_setfd(raw, flags | FD_CLOEXEC);
    return true;
  },
  isStandard: (raw) => raw < MINIMUM,
  isSocket: () => false,
};

/**
 * Those of some descriptors that are non-blocking. Deno makes the open file of each entry of `stdio` blocking, for
 * all who have it: with a listening socket, that stops the event loops which accept from it.
 */
function nonBlockingIn(descriptors: readonly number[]): number[] {
  if (!("Deno" in globalThis)) return [];
  return descriptors.filter((fd) =>
    ((tryOrUndefined(() => fcntl_getfl(fd)) ?? 0) & O_NONBLOCK) !== 0
  );
}

function makeNonBlocking(fd: number): void {
  tryOrUndefined(() => fcntl_setfl(fd, fcntl_getfl(fd) | O_NONBLOCK));
}

/**
 * A child in Deno whose parent is in Deno duplicates each entry of `stdio` for its `node:fs`; the
 * duplicate would keep a pipe from ending. Closing the number with `node:fs` closes that duplicate
 * and not the inherited descriptor.
 */
function closeDenoDuplicate(raw: number): void {
  try {
    nodeFs().closeSync(raw);
  } catch {
    // There is no duplicate.
  }
}

/**
 * Fills the free numbers below those that the child's descriptors will have. There the runtime would
 * otherwise open the pipe by which it learns that the program could not be started; the child would
 * replace that pipe by one of its own descriptors, and the error would be written into a file of the user.
 *
 * @param neutral a descriptor of no file of the user
 * @param temporary gets every descriptor that is made, for the caller to close
 */
function fillBelow(end: number, neutral: number, temporary: number[]): void {
  // The kernel gives the lowest free number: if that of `neutral` is above, none below is free.
  for (let filler = neutral; filler < end;) {
    try {
      filler = fcntl_dupfd_cloexec(neutral, MINIMUM);
    } catch (error) {
      if (hasCode(error, "EMFILE")) break; // no number is free
      throw error;
    }
    temporary.push(filler);
  }
}
