/**
 * Making fds 0 to 2 refer to another file, with all that the runtime has beside the descriptor:
 * `process.stdout` and `process.stderr`, where they do not write to it synchronously. The behaviour of each runtime was observed with strace, for a file, a pipe and a terminal:
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
import type { WriteStream } from "node:tty";
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { fcntl_getfl, fcntl_setfl } from "../../ffi/posix/fcntl.ts";
import { flushC } from "../../ffi/posix/libc.ts";
import { isWorker, nodeFs, nodeNet, symbolOf } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { shared } from "../util/shared.ts";
import { posixPlatform } from "./posix.ts";
import { descriptorForChildren } from "./posix_deno_children.ts";

/** How often a call is retried after `EINTR` or `EBUSY`: a restore should not fail for these. */
const MAX_ATTEMPTS = 100;

/** The runtime's stream for a descriptor. */
export interface StandardStream {
  /** Further descriptors that must refer to the same file as this one. */
  readonly otherFds: readonly number[];
  /** Writes what is buffered, or throws and changes nothing. */
  flush(): void;
  /** Makes the stream write to the descriptor. */
  redirect(): void;
  /** Makes the stream write as it did before `redirect()`. */
  restore(): void;
}

/** A stream with the private properties that some runtimes give it. */
type Stream = WriteStream & {
  readonly _handle?: { setBlocking?(blocking: boolean): void; readonly writeQueueSize?: number };
};

type Write = (chunk: Uint8Array | string, encoding: BufferEncoding, done: Done) => void;
type Writev = (
  chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[],
  done: Done,
) => void;
type Done = (error: Error | null) => void;

const noop = () => {};
const unbuffered: StandardStream = { otherFds: [], flush: noop, redirect: noop, restore: noop };

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
  replaceAll(raw, fd, stream.otherFds, inheritable);
  stream.redirect();
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
  if (isWorker()) {
    throw unsupported(
      fd,
      "the streams of the process belong to its main thread: call it there, or have a test runner " +
        "use processes instead of threads (vitest --pool=forks, jest without --workerThreads)",
    );
  }
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
  const corks = stream.writableCorked;
  for (let cork = 0; cork < corks; cork++) stream.uncork();
  for (let cork = 0; cork < corks; cork++) stream.cork();
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

/** Gives a stream these properties while it is redirected, and its own ones afterwards. */
function override(
  stream: Stream,
  properties: object,
): Pick<StandardStream, "redirect" | "restore"> {
  const originals = new Map<PropertyKey, PropertyDescriptor | undefined>();
  return {
    redirect() {
      for (const key of Reflect.ownKeys(properties)) {
        originals.set(key, Object.getOwnPropertyDescriptor(stream, key));
      }
      Object.assign(stream, properties);
    },
    restore() {
      for (const [key, property] of originals) {
        if (property === undefined) Reflect.deleteProperty(stream, key);
        else Object.defineProperty(stream, key, property);
      }
    },
  };
}

/** The methods that Node and Deno call to write: these write to the descriptor synchronously. */
function synchronousMethods(fd: number): { _write: Write; _writev: Writev } {
  const attempt = (write: () => void, done: Done) => {
    try {
      write();
    } catch (error) {
      return done(error as Error);
    }
    done(null);
  };
  return {
    _write: (chunk, encoding, done) => attempt(() => writeAll(fd, chunk, encoding), done),
    _writev: (chunks, done) =>
      attempt(() => {
        for (const { chunk, encoding } of chunks) writeAll(fd, chunk, encoding);
      }, done),
  };
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

/** Stops this thread for some milliseconds. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Writes everything synchronously, to a non-blocking file too, and returns the number of bytes. */
function writeAll(fd: number, chunk: Uint8Array | string, encoding: BufferEncoding): number {
  const bytes = typeof chunk === "string" ? globalThis.Buffer.from(chunk, encoding) : chunk;
  for (let done = 0; done < bytes.length;) {
    try {
      done += nodeFs().writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EAGAIN") throw error;
      sleep(1);
    }
  }
  return bytes.length;
}

/**
 * Throws while Node has a stream of libuv on fd 0. Its reads could take data of the original and of the
 * new file; when it only pauses, libuv leaves the descriptor registered, as for writing.
 */
function checkNotReading(): void {
  const { process } = globalThis as { process: { _getActiveHandles?(): { fd?: unknown }[] } };
  if ("Deno" in globalThis || "Bun" in globalThis) return;
  if (process._getActiveHandles?.().some((handle) => handle.fd === 0)) {
    throw unsupported(
      0,
      "process.stdin is in use, which pause() does not end; read with fs.readSync instead, or call " +
        "process.stdin.destroy(), and again after its event close",
    );
  }
}

function unsupported(fd: number, why: string): HandleError {
  return failure("ENOTSUP", "dup3", {
    message: `Cannot make fd ${fd} refer to another file: ${why}`,
    handle: fd,
  });
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
