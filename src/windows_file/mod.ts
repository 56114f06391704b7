/** A file in Deno for Windows: an object with the methods of a `FileHandle`. */
import type { EventEmitter } from "node:events";
import type { BigIntStats, ReadStream, Stats, WriteStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Interface } from "node:readline";
import type { ReadableStream } from "node:stream/web";
import { failure } from "../../ffi/error.ts";
import { builtin } from "../../ffi/host.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import * as args from "./arguments.ts";
import { registerFd, unregisterFd } from "./fd_table.ts";
import { WindowsFileIo } from "./io.ts";
import * as stat from "./stat.ts";
import * as streams from "./streams.ts";

/** How many bytes `readFile` and `writeFile` read or write in one call, as in Node. */
const CHUNK = 512 * 1024;

/**
 * The methods that are missing: those that are experimental in Node 26 and that Deno does not have
 * either, and the one that duphandle/register adds.
 */
type Missing = "pull" | "pullSync" | "writer" | "duplicate";

/** A buffer of `readv` or `writev`. */
type View = NodeJS.ArrayBufferView;

/** The methods of an emitter: `on`, `once`, `off`, … */
export interface WindowsFile extends EventEmitter {}

/**
 * A file in Deno for Windows, where Deno's own would make a thread wait or cannot be had. It has the methods of a
 * `FileHandle`, with the same arguments and results. It makes the calls of Windows and never blocks the thread.
 *
 * It owns the handle. It emits `close` when it is closed.
 */
export class WindowsFile
  implements Record<Exclude<keyof FileHandle, Missing>, unknown>, AsyncDisposable {
  readonly #io: WindowsFileIo;
  #fd: number;
  #closing: Promise<void> | undefined;
  #hasWebStream = false;

  /** Takes over the handle. */
  constructor(raw: RawHandle) {
    inheritEmitter();
    this.#io = new WindowsFileIo(raw);
    this.#fd = registerFd({ raw, close: () => this.close() });
  }

  /**
   * A number that this library accepts as a source for this file; −1 once it is closed. It is not a
   * descriptor of the runtime, so `node:fs` throws `EBADF`.
   */
  get fd(): number {
    return this.#fd;
  }

  /** As `filehandle.read()`. */
  read(
    bufferOrOptions?: unknown,
    offsetOrOptions?: unknown,
    length?: unknown,
    position?: unknown,
  ): Promise<{ bytesRead: number; buffer: ArrayBufferView }> {
    return this.#use("read", async (io) => {
      const transfer = args.readTransfer(bufferOrOptions, offsetOrOptions, length, position);
      const { buffer, bytes } = transfer;
      if (bytes.length === 0) return { bytesRead: 0, buffer };
      const read = await io.read(bytes.length, transfer.position);
      bytes.set(read);
      return { bytesRead: read.length, buffer };
    });
  }

  /** As `filehandle.readv()`. */
  readv(
    buffers: readonly View[],
    position?: number | null,
  ): Promise<{ bytesRead: number; buffers: readonly View[] }> {
    return this.#use("readv", async (io) => {
      const parts = args.checkViews(buffers);
      const length = parts.reduce((sum, { length }) => sum + length, 0);
      const offset = args.checkPosition(position);
      const read = length === 0 ? new Uint8Array(0) : await io.read(length, offset);
      let at = 0;
      for (const part of parts) {
        part.set(read.subarray(at, at + part.length));
        at += part.length;
      }
      return { bytesRead: read.length, buffers };
    });
  }

  /** As `filehandle.write()`. */
  write(
    data: unknown,
    offsetOrPosition?: unknown,
    lengthOrEncoding?: unknown,
    position?: unknown,
  ): Promise<{ bytesWritten: number; buffer: ArrayBufferView | string }> {
    return this.#use("write", async (io) => {
      const transfer = args.writeTransfer(data, offsetOrPosition, lengthOrEncoding, position);
      const { buffer, bytes } = transfer;
      if (bytes.length === 0) return { bytesWritten: 0, buffer };
      return { bytesWritten: await io.write([bytes], transfer.position), buffer };
    });
  }

  /** As `filehandle.writev()`. */
  writev(
    buffers: readonly View[],
    position?: number | null,
  ): Promise<{ bytesWritten: number; buffers: readonly View[] }> {
    return this.#use("writev", async (io) => {
      const parts = args.checkViews(buffers).filter(({ length }) => length > 0);
      const offset = args.checkPosition(position);
      return { bytesWritten: parts.length === 0 ? 0 : await io.write(parts, offset), buffers };
    });
  }

  /** As `filehandle.readFile()`: from the current position to the end. */
  readFile(options?: unknown): Promise<Buffer | string> {
    return this.#use("readFile", async (io) => {
      const { encoding, signal } = args.checkWholeOptions(options);
      const chunks: Uint8Array[] = [];
      for (;;) {
        args.checkSignal(signal);
        const chunk = await io.read(CHUNK, null);
        if (chunk.length === 0) break;
        // A short chunk is copied: it would otherwise keep the buffer of a full one alive.
        chunks.push(chunk.length < CHUNK ? chunk.slice() : chunk);
      }
      const whole = args.nodeBuffer().concat(chunks);
      return encoding === undefined ? whole : whole.toString(encoding);
    });
  }

  /** As `filehandle.writeFile()`: from the current position, without truncating the file. */
  writeFile(data: unknown, options?: unknown): Promise<void> {
    return this.#use("writeFile", async (io) => {
      const { encoding = "utf8", signal, flush } = args.checkWholeOptions(options);
      for await (const piece of args.checkPieces(data)) {
        const bytes = args.checkPiece(piece, encoding);
        for (let at = 0, { length } = bytes; at < length;) {
          args.checkSignal(signal);
          const count = await io.write([bytes.subarray(at, at + CHUNK)], null);
          if (count === 0) throw pipeFull(io.raw);
          at += count;
        }
      }
      args.checkSignal(signal);
      if (flush) await io.flush();
    });
  }

  /**
   * As `filehandle.appendFile()`, which is an alias of `writeFile()` there: it appends only to a
   * file that was opened for appending.
   */
  appendFile(data: unknown, options?: unknown): Promise<void> {
    return this.writeFile(data, options);
  }

  /** As `filehandle.stat()`. */
  stat(options?: { bigint?: boolean | undefined }): Promise<Stats | BigIntStats> {
    return this.#use(
      "fstat",
      (io) =>
        io.run<Stats | BigIntStats>(() =>
          options?.bigint === true ? stat.windowsBigIntStat(io.raw) : stat.windowsStat(io.raw)
        ),
    );
  }

  /** As `filehandle.truncate()`. */
  truncate(length: number = 0): Promise<void> {
    return this.#use("ftruncate", async (io) => {
      const checked = args.checkLength(length);
      await io.run(() => stat.windowsTruncate(io.raw, checked));
    });
  }

  /** As `filehandle.utimes()`. */
  utimes(atime: unknown, mtime: unknown): Promise<void> {
    return this.#use("futime", (io) => io.run(() => stat.windowsUtimes(io.raw, atime, mtime)));
  }

  /** As `filehandle.chmod()`: on Windows it sets only whether the file is read-only. */
  chmod(mode: unknown): Promise<void> {
    return this.#use("fchmod", (io) => io.run(() => stat.windowsChmod(io.raw, mode)));
  }

  /** As `filehandle.chown()`, which does nothing on Windows. */
  chown(_uid: number, _gid: number): Promise<void> {
    return this.#use("fchown", () => Promise.resolve());
  }

  /** As `filehandle.sync()`. */
  sync(): Promise<void> {
    return this.#use("fsync", (io) => io.flush());
  }

  /** As `filehandle.datasync()`. */
  datasync(): Promise<void> {
    return this.#use("fdatasync", (io) => io.flush());
  }

  /** As `filehandle.createReadStream()`. */
  createReadStream(options: object = {}): ReadStream {
    this.#check("read");
    return streams.readStream(this, this.#io, options);
  }

  /** As `filehandle.createWriteStream()`. */
  createWriteStream(options: object = {}): WriteStream {
    this.#check("write");
    return streams.writeStream(this, this.#io, options);
  }

  /** As `filehandle.readLines()`. */
  readLines(options: object = {}): Interface {
    this.#check("read");
    return streams.lines(this, this.#io, options);
  }

  /** As `filehandle.readableWebStream()`. */
  readableWebStream({ autoClose = false }: { autoClose?: boolean } = {}): ReadableStream {
    this.#check("read");
    if (this.#hasWebStream) {
      const error = new Error("Cannot make another web stream: this file has one already");
      throw Object.assign(error, { code: "ERR_INVALID_STATE" });
    }
    this.#hasWebStream = true;
    return streams.webStream(this, this.#io, autoClose);
  }

  /**
   * As `filehandle.close()`: waits for the operations in progress. A second call only waits.
   *
   * @throws {HandleError} `EBADF` when other code closed it; `EPERM` when it is protected from closing
   */
  close(): Promise<void> {
    if (this.#fd === -1) return this.#closing ?? Promise.resolve();
    const { refusal } = this.#io;
    if (refusal !== undefined) return Promise.reject(refusal);
    unregisterFd(this.#fd);
    this.#fd = -1;
    this.#closing = this.#io.closed.finally(() => this.#closing = undefined);
    this.#io.unref();
    this.emit("close");
    return this.#closing;
  }

  /** Closes the file, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Runs a method with the handle kept open; an exception of the method becomes a rejection. */
  async #use<Result>(
    syscall: string,
    method: (io: WindowsFileIo) => Promise<Result>,
  ): Promise<Result> {
    this.#check(syscall);
    const io = this.#io;
    io.ref();
    try {
      return await method(io);
    } finally {
      io.unref();
    }
  }

  #check(syscall: string): void {
    if (this.#fd !== -1) return;
    throw failure("EBADF", syscall, {
      message: `Cannot ${syscall} a file that was closed; use it before, or a duplicate of it`,
      handle: this.#io.raw,
    });
  }
}

let inherits = false;

/** Makes the class extend the runtime's emitter, without an import that a bundler would follow. */
function inheritEmitter(): void {
  if (inherits) return;
  const { EventEmitter } = builtin<typeof import("node:events")>("node:events")!;
  Object.setPrototypeOf(WindowsFile.prototype, EventEmitter.prototype);
  inherits = true;
}

function pipeFull(handle: RawHandle): Error {
  return failure("EAGAIN", "NtWriteFile", {
    message: "Cannot write more: the pipe is full and is non-blocking; read from its other end, " +
      "then write again",
    handle,
  });
}
