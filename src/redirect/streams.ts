/**
 * `process.stdout` and `process.stderr`, as far as they do not simply write to their descriptor.
 * What each runtime does was seen with strace, for a file, a pipe and a terminal:
 *
 * - Node writes to a file at once. On a pipe it makes the descriptor non-blocking, and what does
 *   not fit waits in a queue of libuv that only the event loop writes out. On a terminal it opens
 *   the terminal once more and writes to that descriptor.
 * - Deno writes at once; on a terminal `process.stdout` has a descriptor of its own as well. Its
 *   children get duplicates that it made at its start.
 * - Bun gives `process.stdout` a sink with a duplicate of the descriptor. What does not fit waits
 *   in the sink, and finds its way by the duplicate.
 *
 * All else, such as `console.log` in Deno and Bun, writes to the descriptor at once.
 */
import type { WriteStream } from "node:tty";
import { failure, type HandleError } from "../../ffi/error.ts";
import { builtin } from "../../ffi/host.ts";
import { fcntl_getfl, fcntl_setfl } from "../../ffi/posix/fcntl.ts";
import { nodeFs } from "../util/node_fs.ts";
import { nodeNet } from "../util/node_net.ts";
import { descriptorForChildren } from "./deno.ts";

/** What the runtime has on top of a descriptor. */
export interface StandardStream {
  /** Further descriptors that have to lead where this one leads. */
  readonly others: readonly number[];
  /** Writes out what is buffered, or throws with nothing done. */
  flush(): void;
  /** From now on writes go where the descriptor leads. */
  follow(): void;
  /** The descriptor is back: writes go as they did at first. */
  leave(): void;
}

/** The parts of a runtime's stream that are not public, where it has them. */
type Stream = WriteStream & {
  readonly _handle?: { setBlocking?(blocking: boolean): void; readonly writeQueueSize?: number };
};

type Write = (chunk: Uint8Array | string, encoding: BufferEncoding, done: Done) => void;
type Writev = (
  chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[],
  done: Done,
) => void;
type Done = (error: Error | null) => void;

const nothing = () => {};
const plain: StandardStream = { others: [], flush: nothing, follow: nothing, leave: nothing };

/** Streams whose writes are synchronous for good. */
const synchronous = new WeakSet<Stream>();

/** What the runtime has on top of this descriptor. Called before the descriptor is redirected. */
export function standardStream(fd: number): StandardStream {
  if (fd > 2) return plain;
  if (
    builtin<typeof import("node:worker_threads")>("node:worker_threads")?.isMainThread === false
  ) {
    throw refusal(
      fd,
      "the streams of the process belong to its main thread; call redirect() there",
    );
  }
  if (fd === 0) {
    refuseReading();
    return plain;
  }
  const stream = streamOf(fd);
  const flush = () => settle(stream, fd);
  const others = "Deno" in globalThis ? [descriptorForChildren(fd as 1 | 2)] : [];
  const same = { ...plain, flush, others };
  if ("Bun" in globalThis) return { ...same, ...replaced(stream, sinkOf(stream, fd)) };
  return same;
}

/**
 * The stream, made now if it is not there yet: one that is made during a redirection would stay
 * with what the descriptor shows then. Making it must not change the file that others share.
 */
function streamOf(fd: number): Stream {
  const flags = fcntl_getfl(fd);
  const stream = (fd === 1 ? globalThis.process.stdout : globalThis.process.stderr) as Stream;
  if (fcntl_getfl(fd) !== flags) fcntl_setfl(fd, flags);
  return stream;
}

/** Has everything written, or throws. */
function settle(stream: Stream, fd: number): void {
  const corks = stream.writableCorked;
  for (let cork = 0; cork < corks; cork++) stream.uncork();
  for (let cork = 0; cork < corks; cork++) stream.cork();
  const handle = stream._handle;
  // Without a handle of libuv writes are at once: what is left there had failed.
  if (!handle?.setBlocking || stream.destroyed || synchronous.has(stream)) return;
  if (stream.writableLength + (handle.writeQueueSize ?? 0) > 0) throw stillWaiting(fd);
  if (!stream.isTTY) {
    forgetEvents(fd);
    handle.setBlocking(true);
  }
  // For good: otherwise something might wait again when it is restored, which must not fail. Not
  // even a terminal that libuv has as blocking takes all at once when the machine is busy.
  Object.assign(stream, methodsOf(fd));
  synchronous.add(stream);
}

/**
 * After its queue was written, libuv leaves the descriptor registered with the kernel until the
 * next event. Redirected, it could no longer take that back, and would be woken by the old pipe
 * without end. Closing another handle of libuv on the same descriptor, which leaves fds 0 to 2
 * themselves open, takes it back now. While libuv is about to tell that the queue was written, it
 * lets nobody else have the descriptor: then it is too early.
 */
function forgetEvents(fd: number): void {
  const { Socket } = nodeNet();
  try {
    new Socket({ fd, readable: false, writable: true }).destroy();
  } catch (cause) {
    throw stillWaiting(fd, cause);
  }
}

/** Properties that a stream has while it follows, and those that it had before. */
function replaced(stream: Stream, properties: object): Pick<StandardStream, "follow" | "leave"> {
  const before = new Map<PropertyKey, PropertyDescriptor | undefined>();
  return {
    follow() {
      for (const key of Reflect.ownKeys(properties)) {
        before.set(key, Object.getOwnPropertyDescriptor(stream, key));
      }
      Object.assign(stream, properties);
    },
    leave() {
      for (const [key, property] of before) {
        if (property === undefined) Reflect.deleteProperty(stream, key);
        else Object.defineProperty(stream, key, property);
      }
    },
  };
}

/** What Node and Deno call to write, to the descriptor instead of their own one. */
function methodsOf(fd: number): { _write: Write; _writev: Writev } {
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

/** What Bun calls to write, in place of its sink, under the name where it keeps that. */
function sinkOf(stream: Stream, fd: number): object {
  const key = Object.getOwnPropertySymbols(stream)
    .find(({ description }) => description === "kWriteStreamFastPath");
  if (key === undefined || typeof stream[key as keyof Stream] !== "object") {
    throw refusal(fd, "this version of Bun does not tell how its process.stdout writes; report it");
  }
  const write = (chunk: Uint8Array | string) => {
    try {
      return writeAll(fd, chunk, "utf8");
    } catch (error) {
      return Promise.reject(error); // as the sink does, for the stream's callback
    }
  };
  return { [key]: { write, flush: () => 0, end: () => 0, ref: nothing, unref: nothing } };
}

/** Writes everything in the caller's turn, to a non-blocking file too, and returns the number of bytes. */
function writeAll(fd: number, chunk: Uint8Array | string, encoding: BufferEncoding): number {
  const bytes = typeof chunk === "string" ? globalThis.Buffer.from(chunk, encoding) : chunk;
  for (let done = 0; done < bytes.length;) {
    try {
      done += nodeFs().writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  return bytes.length;
}

/** A read that Node has begun would take from both the old file and the new one. */
function refuseReading(): void {
  const { process } = globalThis as { process: { _getActiveHandles?(): { fd?: unknown }[] } };
  if ("Deno" in globalThis || "Bun" in globalThis) return;
  if (process._getActiveHandles?.().some((handle) => handle.fd === 0)) {
    throw refusal(0, "process.stdin is being read; pause() it, or use fs.readSync");
  }
}

function refusal(fd: number, why: string): HandleError {
  return failure("ENOTSUP", "dup3", { message: `Cannot redirect fd ${fd}: ${why}`, handle: fd });
}

function stillWaiting(fd: number, cause?: unknown): HandleError {
  const name = fd === 1 ? "process.stdout" : "process.stderr";
  return failure("EAGAIN", "dup3", {
    message: `Cannot redirect fd ${fd}: what was written to ${name} still waits for its reader, ` +
      "and only the event loop writes it out; await new Promise((done) => " +
      `${name}.write("", () => setImmediate(done))), then call again`,
    handle: fd,
    cause,
  });
}
