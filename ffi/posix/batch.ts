/** Many descriptors with few system calls, on Linux. */
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { AF_UNIX, F_GETFD, SOCK_CLOEXEC, SOCK_STREAM } from "./constants.ts";
import { close } from "./dup.ts";
import { kernel, libc, libcSockets, numbers } from "./libc.ts";
import { receiveRights, SCM_MAX_FD, sendRights } from "./rights.ts";
import { socketpair } from "./socket.ts";

/** The room for the set of descriptors and for the time in the scratch memory. */
const TIME_AT = SCRATCH_SIZE - 16;
/** One more than the highest descriptor that fits the set. */
const MOST = TIME_AT * 8;

/** So many descriptors fit the buffer of a socket, with the kernel's least limits. */
export const MOST_SENT: number = 200 * SCM_MAX_FD;

/**
 * Duplicates descriptors by sending them to ourselves, 253 at once: the kernel makes their
 * duplicates when they are received. None is inheritable.
 *
 * All are sent before the first is received, so that a number which is not open cannot become that
 * of a duplicate, and be duplicated in its turn.
 *
 * @param fds at most {@linkcode MOST_SENT}
 * @returns the duplicates in the order of the sources; fewer when one could not be made, and then
 * those that were made
 */
export function duplicateBySending(fds: readonly number[]): number[] {
  let sender: number, receiver: number;
  try {
    [sender, receiver] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  } catch {
    return []; // the caller finds out why, as below
  }
  try {
    // One of these numbers was not open either, if it is among the sources.
    for (let at = 0; at < fds.length; at++) {
      if (fds[at] === sender || fds[at] === receiver) return [];
    }
    for (let at = 0; at < fds.length; at += SCM_MAX_FD) {
      if (!sendRights(sender, fds, at, Math.min(SCM_MAX_FD, fds.length - at))) return [];
    }
    return receiveAll(receiver, fds.length);
  } catch {
    return [];
  } finally {
    close(sender);
    close(receiver);
  }
}

function receiveAll(receiver: number, count: number): number[] {
  const copies: number[] = [];
  while (copies.length < count) {
    const rights = received(receiver);
    if (typeof rights !== "object") break;
    if (rights.fds.length === count) return rights.fds;
    for (let at = 0; at < rights.fds.length; at++) copies.push(rights.fds[at]!);
    if (rights.isTruncated) break;
  }
  return copies;
}

/** What came with the next byte; `undefined` also when it cannot be received. */
function received(receiver: number): ReturnType<typeof receiveRights> {
  try {
    return receiveRights(receiver);
  } catch {
    return undefined; // what came before is still ours
  }
}

/**
 * Whether all descriptors are open: one `select` that waits for nothing, which refuses a set with one
 * that is not.
 *
 * @returns `undefined` when a number is too high to be asked about
 */
export function areOpen(ascending: Int32Array): boolean | undefined {
  const highest = ascending.at(-1) ?? 0;
  if (highest >= MOST) return undefined;
  // What is beyond the table of descriptors would be left out of the set.
  if (libc().fcntl(highest, F_GETFD, 0) === -1) return false;
  const { address, int32 } = scratch();
  const words = (highest >> 5) + 2;
  int32.fill(0, 0, words);
  for (let at = 0; at < ascending.length; at++) {
    const fd = ascending[at]!;
    int32[fd >> 5]! |= 1 << (fd & 31);
  }
  int32.fill(0, TIME_AT >> 2, (TIME_AT >> 2) + 4);
  return libcSockets().select(highest + 1, 0, 0, address, address + TIME_AT) !== -1;
}

/**
 * Closes all descriptors from one number to another, whatever they are.
 *
 * @returns `false` when the kernel closed none: Linux before 5.9 does not know the call, and a
 * container may forbid it
 * @see https://man7.org/linux/man-pages/man2/close_range.2.html
 */
export function close_range(first: number, last: number): boolean {
  return kernel("close_range").syscall(numbers().close_range, first, last, 0, 0, 0) !== -1;
}
