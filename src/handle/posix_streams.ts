/**
 * Making fds 0 to 2 refer to another file, with all that the runtime has beside the descriptor: `process.stdout` and
 * `process.stderr`, where they do not write to it synchronously. The behaviour of each runtime was observed with
 * strace, for a file, a pipe and a terminal:
 *
 * - Node writes to a file synchronously. On a pipe it makes the descriptor non-blocking, and libuv
 *   queues what does not fit; only the event loop writes that queue. On a terminal it opens the
 *   terminal again and writes to that descriptor.
 * - Deno writes synchronously; on a terminal `process.stdout` has a descriptor of its own as well.
 *   Children get duplicates that Deno made when it started.
 * - Bun gives `process.stdout` a sink with a duplicate of the descriptor. The sink buffers what
 *   does not fit, and writes it to the duplicate.
 *
 * All else, such as `console.log` in Deno and Bun, writes to the descriptor synchronously.
 */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { F_GETFD, FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { fcntl_getfl, fcntl_setfl } from "../../ffi/posix/fcntl.ts";
import { flushC, libc } from "../../ffi/posix/libc.ts";
import { nodeNet, symbolOf } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { shared } from "../util/shared.ts";
import { posixPlatform } from "./posix.ts";
import {
  checkMainThread,
  checkNotReading,
  noop,
  override,
  type StandardStream,
  type Stream,
  synchronousMethods,
  unbuffered,
  unsupported,
  withStream,
  writeAll,
  writeCorked,
} from "./standard_stream.ts";

/** How often a call is retried after `EINTR` or `EBUSY`: a restore should not fail for these. */
const MAX_ATTEMPTS = 100;

/** Streams that were made synchronous, which they stay. */
const synchronous = (): WeakSet<Stream> => shared("synchronousStreams", 1, () => new WeakSet());

/**
 * Makes one of fds 0 to 2 refer to another file for good. What was printed before goes where it was
 * meant to go; all that is printed afterwards follows.
 *
 * @throws {HandleError} when not all of it can follow; nothing has changed then
 */
export function replaceStandard(raw: RawHandle, fd: number, inheritable: boolean): void {
  const stream = standardStream(fd);
  stream.flush();
  flushC();
  withStream(stream, () => replaceAll(raw, fd, stream.otherFds, inheritable));
}

/**
 * Makes a descriptor and those that belong to it refer to another file. When one of them cannot, all
 * refer to what they did before.
 *
 * @param others refer to the same open file as the descriptor; no program inherits them by number
 */
export function replaceAll(
  raw: RawHandle,
  fd: number,
  others: readonly number[],
  inheritable: boolean,
): void {
  const before = others.length > 0 && posixPlatform.isInheritable(fd);
  replace(raw, fd, inheritable);
  for (const [done, other] of others.entries()) {
    if (other === raw) continue;
    try {
      replace(raw, other, false);
    } catch (error) {
      // This one still refers to the old file.
      replace(other, fd, before);
      for (const changed of others.slice(0, done)) replace(other, changed, false);
      throw error;
    }
  }
}

function replace(raw: RawHandle, fd: number, inheritable: boolean): void {
  for (let attempt = 1;; attempt++) {
    try {
      return posixPlatform.duplicateOnto(raw, fd, inheritable);
    } catch (error) {
      const isTransient = hasCode(error, "EINTR", "EBUSY");
      if (!isTransient || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** The runtime's stream for a descriptor, which must not be redirected yet. */
export function standardStream(fd: number): StandardStream {
  if (fd > 2) return unbuffered;
  checkMainThread(fd);
  if (fd === 0) {
    checkNotReading();
    return unbuffered;
  }
  const stream = streamOf(fd);
  const flush = () => flushStream(stream, fd);
  const otherFds = "Deno" in globalThis ? [descriptorForChildren(fd as 1 | 2)] : [];
  const buffered = { ...unbuffered, flush, otherFds };
  if ("Bun" in globalThis) return { ...buffered, ...override(stream, sinkOverride(stream, fd)) };
  return buffered;
}

/**
 * The stream, which the runtime creates on the first access: one that it creates during a
 * redirection would keep the redirected file. The access must not change the status flags of the
 * open file, which other processes may share.
 */
function streamOf(fd: number): Stream {
  const flags = fcntl_getfl(fd);
  const stream = (fd === 1 ? globalThis.process.stdout : globalThis.process.stderr) as Stream;
  if (fcntl_getfl(fd) !== flags) fcntl_setfl(fd, flags);
  return stream;
}

/** Writes everything that the stream has buffered, or throws. */
function flushStream(stream: Stream, fd: number): void {
  writeCorked(stream);
  const handle = stream._handle;
  // Without a handle of libuv writes are synchronous: what is still buffered has failed.
  if (!handle?.setBlocking || stream.destroyed || synchronous().has(stream)) return;
  if (stream.writableLength + (handle.writeQueueSize ?? 0) > 0) throw outputPending(fd);
  if (!stream.isTTY) {
    unregisterEvents(fd);
    handle.setBlocking(true);
  }
  // It stays synchronous: otherwise there could be buffered output again at the restore, which must
  // not fail. On a busy machine even a terminal that libuv made blocking takes only a part.
  Object.assign(stream, synchronousMethods(fd));
  synchronous().add(stream);
}

/**
 * After its queue was written, libuv leaves the descriptor registered with the kernel until the
 * next event. After a redirection it could not remove that registration, and the old pipe would
 * wake it in an endless loop. Closing another libuv handle on the same descriptor, which leaves fds
 * 0 to 2 open, removes the registration now. Until libuv has called the callbacks of its queue, it
 * refuses a second handle on the descriptor: then output is still pending.
 */
function unregisterEvents(fd: number): void {
  const { Socket } = nodeNet();
  try {
    new Socket({ fd, readable: false, writable: true }).destroy();
  } catch (cause) {
    throw outputPending(fd, cause);
  }
}

/** A replacement of the sink that Bun writes to, under the symbol of Bun's own sink. */
function sinkOverride(stream: Stream, fd: number): object {
  const key = symbolOf(stream, "kWriteStreamFastPath");
  if (key === undefined || typeof stream[key as keyof Stream] !== "object") {
    throw unsupported(
      fd,
      "the sink of its stream is unknown in this version of Bun; start a child process with stdio " +
        "instead, and report it",
    );
  }
  const write = (chunk: Uint8Array | string) => {
    try {
      return writeAll(fd, chunk, "utf8");
    } catch (error) {
      return Promise.reject(error); // as Bun's sink does: the stream passes it to the callback
    }
  };
  return { [key]: { write, flush: () => 0, end: () => 0, ref: noop, unref: noop } };
}

function outputPending(fd: number, cause?: unknown): HandleError {
  const name = fd === 1 ? "process.stdout" : "process.stderr";
  return failure("EAGAIN", "dup3", {
    message:
      `Cannot make fd ${fd} refer to another file: output to ${name} still waits for its reader, ` +
      "and only the event loop can write it; await new Promise((done) => " +
      `${name}.write("", () => setImmediate(done))), then call again`,
    handle: fd,
    cause,
  });
}

/** fcntl.h of Linux. */
const F_SETSIG = 10;
const F_GETSIG = 11;

/**
 * Two real-time signals. A descriptor shares the open file when both appear at it one after the other.
 */
const MARKS = [61, 62];

/** The search ends at 256: Deno's duplicates are among the first descriptors of the process. */
const FIRST = 3;
const END = 256;

/** What was found, by whichever copy of this library. */
interface Search {
  found?: { readonly 1: number; readonly 2: number };
}

const search = (): Search => shared("denoDescriptors", 1, () => ({}));

/**
 * The descriptor that children get for this one.
 *
 * @throws {HandleError} `ENOTSUP` when no descriptor shares its open file, because it was replaced
 * before in a way that children do not see
 */
export function descriptorForChildren(fd: 1 | 2): number {
  findDescriptorsForChildren();
  const { found } = search();
  if (found !== undefined) return found[fd];
  throw failure("ENOTSUP", "dup3", {
    message:
      `Cannot make fd ${fd} refer to another file: Deno's children get a duplicate of it that ` +
      "cannot be " +
      (osName() === "linux"
        ? "found, because fd 1 or 2 was closed or replaced before; use redirect() or " +
          "duplicateOnto() for that too"
        : "found on this system; start a child process with stdio"),
    handle: fd,
  });
}

/**
 * Finds the duplicates, unless they are known. Inherited descriptors of the same files are told apart by
 * being inheritable, so this must run before their inheritance is ended.
 */
export function findDescriptorsForChildren(): void {
  const state = search();
  if (state.found !== undefined) return;
  const [first] = duplicatesOf(1);
  const second = duplicatesOf(2).find((number) => first !== undefined && number > first);
  if (first !== undefined && second !== undefined) state.found = { 1: first, 2: second };
}

/** The descriptors of the same open file that no other program has passed to this one. */
function duplicatesOf(fd: number): number[] {
  const { fcntl } = libc();
  return sharersBySignal(fd, FIRST, END).filter((number) =>
    fcntl(number, F_GETFD, 0) === FD_CLOEXEC
  );
}

/**
 * The descriptors that share the open file of one, lowest first, found by marking the open file with F_SETSIG of
 * fcntl(2). The signal number belongs to the open file, so every duplicate shows it at once. It has no effect,
 * because the kernel sends the signal only when O_ASYNC is set. On systems without F_SETSIG there are none. Each
 * number in the range is tried; numbers that are not open are skipped.
 *
 * @param fd the descriptor whose open file is marked during the call
 * @param from the lowest number to try
 * @param below one more than the highest number to try
 */
function sharersBySignal(fd: number, from: number, below: number): number[] {
  const { fcntl } = libc();
  const before = osName() === "linux" ? fcntl(fd, F_GETSIG, 0) : -1;
  if (before === -1) return [];
  let shared = Array.from({ length: below - from }, (_, at) => at + from);
  for (const mark of MARKS) {
    fcntl(fd, F_SETSIG, mark);
    shared = shared.filter((number) => fcntl(number, F_GETSIG, 0) === mark);
  }
  fcntl(fd, F_SETSIG, before);
  return shared;
}
