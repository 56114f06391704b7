/** Pairs of Unix sockets, and waiting for descriptors: socketpair(2), poll(2). */
import { checkFd, checkInteger, MAX_FD, show } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { posixError } from "./errors.ts";
import { libc, libcSockets } from "./libc.ts";

/** The size of `struct pollfd`, and offsets in it. */
const POLLFD_SIZE = 8;
const EVENTS = 4;
const REVENTS = 6;

/** A descriptor to wait for, and its events. */
export interface PollFd {
  /** The descriptor. */
  readonly fd: number;
  /** The events to wait for: `POLLIN`, `POLLOUT`, both, or 0. */
  readonly events: number;
  /**
   * The events that occurred: those of `events`, and `POLLERR`, `POLLHUP`, `POLLNVAL`. {@linkcode poll}
   * sets it.
   */
  revents?: number;
}

/**
 * `socketpair(domain, type, protocol)` — makes two sockets that are connected to each other.
 *
 * @param domain `AF_UNIX`
 * @param type `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`, optionally with `SOCK_CLOEXEC` and
 * `SOCK_NONBLOCK`
 * @param protocol 0
 * @returns the two descriptors
 * @throws {HandleError} `EMFILE`, `ENFILE`, `EINVAL`
 * @throws {TypeError} when a number is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/socketpair.2.html
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, SOCK_CLOEXEC, SOCK_STREAM, socketpair } from "duphandle/posix";
 *
 * const [one, other] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * close(one);
 * close(other);
 * ```
 */
export function socketpair(
  domain: number,
  type: number,
  protocol: number,
): [one: number, other: number] {
  checkInteger(domain, "domain", 0, MAX_FD);
  checkInteger(type, "type", 0, MAX_FD);
  checkInteger(protocol, "protocol", 0, MAX_FD);
  const { address, int32 } = scratch();
  const calls = libcSockets();
  const { errno } = libc();
  if (calls.socketpair(domain, type, protocol, address) === -1) {
    throw posixError(errno[0]!, "socketpair", undefined, `domain ${domain}, type ${type}`);
  }
  return [int32[0]!, int32[1]!];
}

/**
 * `poll(fds, timeout)` — waits for an event at one of the descriptors. It blocks the thread, and with it
 * the event loop.
 *
 * @param fds the descriptors, at most 8192; `revents` of each is set
 * @param timeout the longest time to wait, in milliseconds; 0 does not wait, −1 waits without a limit
 * @returns how many of the descriptors have an event
 * @throws {HandleError} `EINTR` when a signal interrupted the call, `EINVAL` when there are more
 * descriptors than the limit
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/poll.2.html
 *
 * @example
 * ```ts
 * import { close, O_CLOEXEC, pipe2, poll, POLLIN, write } from "duphandle/posix";
 *
 * const [reader, writer] = pipe2(O_CLOEXEC);
 * write(writer, new Uint8Array(1));
 * console.log(poll([{ fd: reader, events: POLLIN }], 1000)); // 1
 * close(reader);
 * close(writer);
 * ```
 */
export function poll(fds: readonly PollFd[], timeout: number): number {
  checkInteger(timeout, "timeout", -1, MAX_FD);
  const entries = readEntries(fds);
  const { address, data } = scratch();
  for (const [at, { fd, events }] of entries.entries()) {
    data.setInt32(at * POLLFD_SIZE, fd, true);
    data.setInt16(at * POLLFD_SIZE + EVENTS, events, true);
    data.setInt16(at * POLLFD_SIZE + REVENTS, 0, true);
  }
  const calls = libcSockets();
  const { errno } = libc();
  const ready = calls.poll(address, entries.length, timeout);
  if (ready === -1) throw posixError(errno[0]!, "poll", entries[0]?.fd);
  const results = entries.map((_, at) => data.getInt16(at * POLLFD_SIZE + REVENTS, true));
  for (const [at, { entry }] of entries.entries()) entry.revents = results[at]!;
  return ready;
}

/** An entry of a caller, with what was read of it. */
interface Entry {
  readonly entry: PollFd;
  readonly fd: number;
  readonly events: number;
}

/**
 * Reads the array and each of its entries once, before anything is written to the scratch memory: a getter
 * may change the array, or call the library.
 */
function readEntries(fds: readonly PollFd[]): Entry[] {
  const count: unknown = Array.isArray(fds) ? fds.length : undefined;
  if (typeof count !== "number" || !(count <= SCRATCH_SIZE / POLLFD_SIZE)) {
    throw new TypeError(`Cannot use ${show(fds)} as fds: it must be an array of at most 8192`);
  }
  return Array.from({ length: count }, (_, at) => {
    const entry: unknown = fds[at];
    if (typeof entry !== "object" || entry === null) {
      throw new TypeError(`Cannot use ${show(entry)} in fds: it must be an object { fd, events }`);
    }
    const { fd, events } = entry as PollFd;
    checkFd(fd);
    checkInteger(events, "events", 0, 0x7fff);
    return { entry: entry as PollFd, fd, events };
  });
}
