/** Duplicates and closes many descriptors with few system calls, on Linux. */
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { AF_UNIX, F_GETFD, SOCK_CLOEXEC, SOCK_STREAM } from "./constants.ts";
import { callNumbers, kernel, libc, libcSockets } from "./libc.ts";
import { receiveRights, SCM_MAX_FD, sendRights } from "./rights.ts";
import { socketpair } from "./socket.ts";

/** The offset of `struct timeval` in the scratch memory; the set of descriptors lies before it. */
const TIME_AT = SCRATCH_SIZE - 16;
/** One more than the highest descriptor that fits the set. */
const SET_SIZE = TIME_AT * 8;

/** How many descriptors fit the buffer of a socket at the smallest size that the kernel allows. */
export const MOST_SENT: number = 200 * SCM_MAX_FD;

/**
 * Duplicates descriptors by sending them to this process itself, up to 253 in one message. Receiving a
 * message makes duplicates of the descriptors in it. They are not inheritable.
 *
 * All messages are sent before the first is received. Otherwise a source that is not open could become
 * the number of an earlier duplicate, and be duplicated itself.
 *
 * @param fds the sources, at most {@linkcode MOST_SENT}
 * @returns the duplicates in the order of the sources; when one could not be made, only those before it
 */
export function duplicateBySending(fds: readonly number[]): number[] {
  let sender: number, receiver: number;
  try {
    [sender, receiver] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  } catch {
    return []; // the caller finds out the reason
  }
  try {
    // A source with one of these numbers was not open before this call.
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
    // Whatever a close says, the duplicates are made.
    libc().close(sender);
    libc().close(receiver);
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

/** The descriptors of the next message; `undefined` also when it cannot be received. */
function received(receiver: number): ReturnType<typeof receiveRights> {
  try {
    return receiveRights(receiver);
  } catch {
    return undefined; // the earlier duplicates are still to be returned
  }
}

/**
 * Whether all descriptors are open. One `select` without waiting checks them: it fails when one of the
 * set is not open.
 *
 * @returns `undefined` when a number is too high for the set
 */
export function areOpen(ascending: Int32Array): boolean | undefined {
  const highest = ascending.at(-1) ?? 0;
  if (highest >= SET_SIZE) return undefined;
  // select ignores numbers beyond the table of descriptors.
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
 * Closes all descriptors from `first` to `last`.
 *
 * @returns `false` when the call failed and closed none: Linux before 5.9 does not have it, and a
 * container may forbid it
 * @see https://man7.org/linux/man-pages/man2/close_range.2.html
 */
export function close_range(first: number, last: number): boolean {
  return kernel("close_range").syscall(callNumbers().close_range, first, last, 0, 0, 0) !== -1;
}
