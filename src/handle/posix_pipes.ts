/**
 * Connections as sockets of `node:net`; and pipes, terminals and one direction of a connection as streams. Each
 * runtime was observed with strace, and with a peer that neither reads nor writes:
 *
 * - Node and Deno take pipes and connections in the constructor of `net.Socket`, Bun a connection in `net.connect`.
 *   All make the open file non-blocking, and close the descriptor once.
 * - A `tty` stream of theirs opens the terminal again, so that others who share the open file do not become
 *   non-blocking. It never closes the descriptor that it was given then.
 * - A terminal that cannot be opened again, such as a PTY master, Node writes to in a loop that stops the program
 *   until all is written; so does Deno for every terminal. As a pipe both write to it when it is ready.
 * - Bun reads by `Bun.file(fd).stream()`, from a duplicate that it closes itself. Its `net` takes sockets only and reads
 *   from each, its `fs` and `tty` streams hold a thread while they wait, and its writer stops the program at a terminal.
 * - Node 20 ends the stream of a PTY master when the last program has closed the terminal, with output of it unread.
 */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { builtin } from "../../ffi/host.ts";
import { O_ACCMODE, O_CLOEXEC, O_NOCTTY } from "../../ffi/posix/constants.ts";
import { close } from "../../ffi/posix/dup.ts";
import { fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import { open, pipe2, read, write } from "../../ffi/posix/file.ts";
import { identityAt, identityOf, isSameFile, openDescriptors } from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { isTerminal, SHUT_WR, shutdownSocket, socketType } from "../../ffi/posix/socket_name.ts";
import { closeOrWarn, closeQuietly } from "../util/late_close.ts";
import { nodeNet } from "../util/node.ts";
import { platformError, tryOrUndefined } from "../util/platform.ts";
import { adopt, setNonBlocking } from "./posix_owned.ts";

/** The longest pause between two attempts to write to what takes nothing, in milliseconds. */
const MAX_PAUSE_MS = 32;
/** The bytes of one read of what is left in a terminal. */
const LARGEST_READ = 4096;
/** The device number of `/dev/ptmx`, through which each open makes another terminal. */
const PTMX = { major: 5, minor: 2 };

/** A socket of `node:net`. */
export function socketOf(fd: number, allowHalfOpen: boolean): Socket {
  const { connect, Socket } = nodeNet();
  return adopt(fd, () => {
    // Bun accepts the descriptor in the constructor, and loses it without an error.
    if ("Bun" in globalThis) return connect({ fd, allowHalfOpen } as unknown as { path: string });
    return new Socket({ fd, allowHalfOpen, readable: true, writable: true });
  });
}

/** A stream that reads from the descriptor, which it owns. */
export function readableOf(fd: number): Readable {
  const isOfTerminal = isTerminal(fd);
  if ("Bun" in globalThis) return bunReadable(isOfTerminal ? openedAgain(fd) : fd, isOfTerminal);
  return adopt(fd, () => {
    if (isOfTerminal) return terminalReadable(fd);
    return new (nodeNet().Socket)({ fd, readable: true, writable: false });
  });
}

/** A stream that writes to the descriptor, which it owns. */
export function writableOf(fd: number): Writable {
  const isOfTerminal = isTerminal(fd);
  if ("Bun" in globalThis) return pollingWritable(isOfTerminal ? openedAgain(fd) : fd);
  if (isOfTerminal) return terminalWritable(fd);
  return adopt(fd, () => new (nodeNet().Socket)({ fd, readable: false, writable: true }));
}

const nodeTty = () => builtin<typeof import("node:tty")>("node:tty")!;

/** A stream with what the runtimes keep in it. */
interface TerminalStream {
  readonly _handle?: { readonly fd?: unknown; setBlocking?(isBlocking: boolean): void };
}

function terminalReadable(fd: number): Readable {
  const { ReadStream } = nodeTty();
  const isReopened = hasPath(fd);
  // The runtime reads when the terminal is ready; another process may read what made it so.
  if (!isReopened) setNonBlocking(fd);
  const make = () => new ReadStream(fd, { readable: true, writable: false });
  if (isReopened) return closingGiven(fd, make);
  const stream = make();
  return "Deno" in globalThis ? stream : readingToTheEnd(stream, fd);
}

/** Makes a stream that ends read what is left first. */
function readingToTheEnd(stream: Readable, fd: number): Readable {
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    // Of a stream that is destroyed the number may be another file's.
    if (chunk === null && !stream.destroyed) {
      for (const bytes of unread(fd)) push(bytes);
    }
    return push(chunk, encoding);
  };
  return stream;
}

/** What can be read from a descriptor without waiting; EAGAIN and EIO are its end. */
function* unread(fd: number): Generator<Buffer> {
  for (let bytes = Buffer.alloc(LARGEST_READ);; bytes = Buffer.alloc(LARGEST_READ)) {
    const count = tryOrUndefined(() => read(fd, bytes)) ?? 0;
    if (count === 0) return;
    yield bytes.subarray(0, count);
  }
}

function terminalWritable(fd: number): Writable {
  if (!("Deno" in globalThis) && hasPath(fd)) {
    return adopt(fd, () => {
      const { WriteStream } = nodeTty();
      const stream = closingGiven(fd, () => new WriteStream(fd));
      (stream as TerminalStream)._handle?.setBlocking?.(false); // its open file is its own
      // Its reading side, which nobody uses, keeps it open.
      return stream.once("finish", () => stream.destroy());
    });
  }
  const own = openedAgain(fd);
  return adopt(own, () => socketLikePipe(own));
}

/** Makes a stream that opens the terminal again, and closes the descriptor that the stream was given. */
function closingGiven<Stream>(fd: number, make: () => Stream): Stream {
  const before = "Deno" in globalThis ? new Set(openDescriptors()) : undefined;
  const stream = make();
  const { _handle: handle } = stream as TerminalStream;
  const isNew = (other: number) =>
    !before!.has(other) && isSameFile(identityOf(other), identityOf(fd));
  const isOther = before === undefined
    ? typeof handle?.fd === "number" && handle.fd !== fd
    : tryOrUndefined(openDescriptors)?.some(isNew);
  if (isOther === true) closeOrWarn(() => close(fd));
  return stream;
}

/** The path of a terminal that can be opened again, also by the runtime; `undefined` of a PTY master. */
function pathOf(fd: number): string | undefined {
  const own = identityOf(fd);
  if (own === undefined || (own.major === PTMX.major && own.minor === PTMX.minor)) return undefined;
  const path = linkText(`/proc/self/fd/${fd}`);
  return path !== undefined && isSameFile(identityAt(path), own) ? path : undefined;
}

/** Opens the terminal of a descriptor again, with the same access; `undefined` when that is not possible. */
function openAgain(fd: number): number | undefined {
  const path = pathOf(fd);
  if (path === undefined) return undefined;
  const flags = O_NOCTTY | O_CLOEXEC;
  return tryOrUndefined(() => open(path, flags | fcntl_getfl(fd) & O_ACCMODE));
}

function hasPath(fd: number): boolean {
  const again = openAgain(fd);
  if (again !== undefined) closeQuietly(() => close(again));
  return again !== undefined;
}

/** An open file of its own of the terminal, in place of the descriptor; or the descriptor. */
function openedAgain(fd: number): number {
  const again = openAgain(fd);
  if (again === undefined) return fd;
  closeOrWarn(() => close(fd));
  return again;
}

/** What Node and Deno have inside a stream of a pipe. */
type PipeHandle = new (type: number) => { open(fd: number): unknown };

/** A stream that writes to the descriptor as to a pipe, whatever it is. */
function socketLikePipe(fd: number): Writable {
  const handle = new (pipeHandle())(0);
  const status = handle.open(fd);
  if (typeof status === "number" && status < 0) {
    throw platformError(-status, "fcntl", fd, `fd ${fd}`);
  }
  const options = { handle, readable: false, writable: true };
  return new (nodeNet().Socket)(options as object);
}

let foundHandle: PipeHandle | undefined;

function pipeHandle(): PipeHandle {
  if (foundHandle !== undefined) return foundHandle;
  const [other, fd] = pipe2(O_CLOEXEC);
  try {
    const { Socket } = nodeNet();
    const sample = adopt(fd, () => new Socket({ fd, readable: false, writable: true }));
    const { _handle: handle } = sample as Socket & { _handle?: { open?: unknown } };
    sample.destroy();
    if (typeof handle?.open === "function") {
      return foundHandle = handle.constructor as PipeHandle;
    }
  } finally {
    closeQuietly(() => close(other));
  }
  throw failure("ENOTSUP", "adopt", {
    message:
      "Cannot write to a terminal: the streams of this version of the runtime are not known; " +
      "use toFd({ mayBlock: true }), and report it",
  });
}

/** What is used of Bun. */
interface Bun {
  file(fd: number): { stream(): ReadableStream<Uint8Array> };
}

const nodeStream = () => builtin<typeof import("node:stream")>("node:stream")!;

function bunReadable(fd: number, isOfTerminal: boolean): Readable {
  const { Readable } = nodeStream();
  const { Bun } = globalThis as unknown as { Bun: Bun };
  return adopt(fd, () => {
    setNonBlocking(fd); // Bun would wait in its reads of a terminal, and end them with an error
    const reader = Bun.file(fd).stream().getReader();
    const stream = new Readable({
      read() {
        void reader.read().then(
          ({ done, value }) => this.push(done ? null : value),
          (error: Error) => this.destroy(error),
        );
      },
      destroy(error, done) {
        const end = () => closeFor(fd, error, done);
        reader.cancel().then(end, end);
      },
    });
    if (!isOfTerminal) return stream;
    const { setRawMode } = nodeTty().ReadStream.prototype;
    return Object.assign(stream, { fd, isTTY: true, isRaw: false, setRawMode });
  });
}

/** A stream that writes what fits, and tries again after a pause: there is no event for it alone in Bun. */
function pollingWritable(fd: number): Writable {
  const { Writable } = nodeStream();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let cancel: (() => void) | undefined;
  return adopt(fd, () => {
    setNonBlocking(fd);
    return new Writable({
      write(bytes: Uint8Array, _encoding, done) {
        let [from, pause] = [0, 1];
        const attempt = () => {
          try {
            while (from < bytes.length) {
              from += write(fd, bytes.subarray(from));
              pause = 1;
            }
          } catch (error) {
            cancel = undefined;
            if (!hasCode(error, "EAGAIN", "EINTR")) return done(error as Error);
            timer = setTimeout(attempt, pause);
            cancel = () => done(canceled(fd));
            pause = Math.min(2 * pause, MAX_PAUSE_MS);
            return;
          }
          cancel = undefined;
          done();
        };
        attempt();
      },
      final(done) {
        try {
          if (socketType(fd) !== undefined) shutdownSocket(fd, SHUT_WR);
          done();
        } catch (error) {
          done(error as Error);
        }
      },
      destroy(error, done) {
        clearTimeout(timer);
        closeFor(fd, error, done);
        cancel?.(); // Node and Deno call the callback of such a write, too
      },
    });
  });
}

function canceled(handle: number): HandleError {
  return failure("ECANCELED", "write", {
    message: `Cannot write to fd ${handle}: its stream was destroyed before all was written`,
    handle,
  });
}

/** Closes the descriptor of a stream that is destroyed. */
function closeFor(fd: number, error: Error | null, done: (error?: Error | null) => void): void {
  try {
    close(fd);
  } catch (closeError) {
    return done(error ?? closeError as Error);
  }
  done(error);
}
