/** The streams of a file in Deno for Windows: the runtime's own, over its operations. */
import type { ReadStream, WriteStream } from "node:fs";
import type { Interface } from "node:readline";
import type { ReadableStream } from "node:stream/web";
import { bytesOf } from "../../ffi/check.ts";
import { builtin } from "../../ffi/host.ts";
import { closeOrWarn } from "../util/late_close.ts";
import { nodeFs } from "../util/node.ts";
import type { WindowsFileIo } from "./io.ts";

/** The file of a stream. */
export interface StreamSource {
  readonly fd: number;
  once(event: "close", listener: () => void): unknown;
  close(): Promise<void>;
}

/** The maximum size of a chunk of a web stream in bytes, as in Node. */
const CHUNK = 16_384;

/** `createReadStream()`. */
export function readStream(file: StreamSource, io: WindowsFileIo, options: object): ReadStream {
  const { createReadStream } = nodeFs();
  return attach(file, io, (fd, fs) => createReadStream("", { ...options, fd, fs }));
}

/** `createWriteStream()`. */
export function writeStream(file: StreamSource, io: WindowsFileIo, options: object): WriteStream {
  const { createWriteStream } = nodeFs();
  return attach(file, io, (fd, fs) => createWriteStream("", { ...options, fd, fs }));
}

/** `readLines()`. */
export function lines(file: StreamSource, io: WindowsFileIo, options: object): Interface {
  const { createInterface } = builtin<typeof import("node:readline")>("node:readline")!;
  return createInterface({ input: readStream(file, io, options), crlfDelay: Infinity });
}

/**
 * `readableWebStream()`.
 *
 * @param autoClose whether the file is closed when the stream no longer uses it
 */
export function webStream(
  file: StreamSource,
  io: WindowsFileIo,
  autoClose: boolean,
): ReadableStream {
  const web = builtin<typeof import("node:stream/web")>("node:stream/web")!;
  let ended = false;
  const release = () => {
    if (ended) return;
    ended = true;
    io.unref();
    if (autoClose) closeOrWarn(() => file.close());
  };
  io.ref();
  file.once("close", release);
  return new web.ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: CHUNK,
    async pull(controller) {
      const request = controller.byobRequest!;
      const view = request.view!;
      try {
        const bytes = ended ? new Uint8Array(0) : await io.read(view.byteLength, null);
        if (bytes.length === 0) {
          controller.close();
          release();
        } else bytesOf(view).set(bytes);
        request.respond(bytes.length);
      } catch (error) {
        release();
        throw error;
      }
    },
    cancel: release,
  });
}

type Done = (error: unknown, count?: number, buffer?: unknown) => void;

/**
 * Makes a stream and counts it as a user of the file. As in Node, the stream closes when the file
 * is closed, and the file closes when the stream is closed.
 */
function attach<Stream extends ReadStream | WriteStream>(
  file: StreamSource,
  io: WindowsFileIo,
  // deno-lint-ignore no-explicit-any -- Node's type of it lists the callbacks of each version
  make: (fd: number, fs: any) => Stream,
): Stream {
  const stream = make(file.fd, operations(file, io));
  io.ref();
  file.once("close", () => stream.close());
  return stream;
}

/** The functions of `node:fs` that a stream calls, for this file; the fd argument is ignored. */
function operations(file: StreamSource, io: WindowsFileIo): Record<string, unknown> {
  const part = (buffer: ArrayBufferView, offset: number, length: number) =>
    bytesOf(buffer).subarray(offset, offset + length);
  return {
    open() {},
    read(_: number, buffer: Uint8Array, at: number, length: number, offset: Offset, done: Done) {
      io.read(length, offset ?? null).then((bytes) => {
        bytesOf(buffer).set(bytes, at);
        done(null, bytes.length, buffer);
      }, done);
    },
    write(_: number, buffer: Uint8Array, at: number, length: number, offset: Offset, done: Done) {
      io.write([part(buffer, at, length)], offset ?? null)
        .then((count) => done(null, count, buffer), done);
    },
    writev(_: number, buffers: ArrayBufferView[], offset: Offset, done: Done) {
      io.write(buffers.map(bytesOf), offset ?? null)
        .then((count) => done(null, count, buffers), done);
    },
    fsync(_: number, done: Done) {
      io.flush().then(() => done(null), done);
    },
    close(_: number, done: Done) {
      io.unref();
      file.close().then(() => done(null), done);
    },
  };
}

type Offset = number | bigint | null | undefined;
