/**
 * The runtime's streams for fds 0 to 2: what has to be done about them so that they write to what the
 * descriptor refers to, on every system.
 */
import type { WriteStream } from "node:tty";
import { failure, type HandleError } from "../../ffi/error.ts";
import { closeQuietly } from "../util/late_close.ts";
import { isWorker, nodeFs, sleep } from "../util/node.ts";

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
export type Stream = WriteStream & {
  readonly _handle?: { setBlocking?(blocking: boolean): void; readonly writeQueueSize?: number };
};

type Write = (chunk: Uint8Array | string, encoding: BufferEncoding, done: Done) => void;
type Writev = (
  chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[],
  done: Done,
) => void;
type Done = (error: Error | null) => void;

/** Does nothing. */
export const noop = (): void => {};

/** What there is to do for a descriptor that the runtime has no stream for: nothing. */
export const unbuffered: StandardStream = {
  otherFds: [],
  flush: noop,
  redirect: noop,
  restore: noop,
};

/** Writes what is corked, and leaves the stream as corked as it was. */
export function writeCorked(stream: Stream): void {
  const corks = stream.writableCorked;
  for (let cork = 0; cork < corks; cork++) stream.uncork();
  for (let cork = 0; cork < corks; cork++) stream.cork();
}

/** Gives a stream these properties while it is redirected, and its own ones afterwards. */
export function override(
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

/**
 * Makes the stream write to the descriptor, then makes the descriptor refer to another object. When one of the two
 * fails, nothing has changed.
 */
export function withStream<Result>(
  stream: Pick<StandardStream, "redirect" | "restore">,
  change: () => Result,
): Result {
  try {
    stream.redirect();
    return change();
  } catch (error) {
    closeQuietly(() => stream.restore());
    throw error;
  }
}

/** The methods that Node and Deno call to write: these write to the descriptor synchronously. */
export function synchronousMethods(fd: number): { _write: Write; _writev: Writev } {
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

/** Writes everything synchronously, to a non-blocking file too, and returns the number of bytes. */
export function writeAll(fd: number, chunk: Uint8Array | string, encoding: BufferEncoding): number {
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

/** Throws in a worker, whose streams are not those of the process. */
export function checkMainThread(fd: number): void {
  if (!isWorker()) return;
  throw unsupported(
    fd,
    "the streams of the process belong to its main thread: call it there, or have a test runner " +
      "use processes instead of threads (vitest --pool=forks, jest without --workerThreads)",
  );
}

/**
 * Throws while Node has a stream of libuv on fd 0. Its reads could take data of the original and of the
 * new file; when it only pauses, libuv leaves the descriptor registered, as for writing.
 */
export function checkNotReading(): void {
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

/** The error for a standard descriptor that not everything would follow. */
export function unsupported(fd: number, why: string): HandleError {
  return failure("ENOTSUP", "dup3", {
    message: `Cannot make fd ${fd} refer to another file: ${why}`,
    handle: fd,
  });
}
