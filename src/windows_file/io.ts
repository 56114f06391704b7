/** The HANDLE of a file in Deno for Windows: used by one operation at a time, and closed once. */
import {
  FilePipeLocalInformation,
  FilePositionInformation,
  ntClose,
  ntFlush,
  ntQuery,
  ntRead,
  ntSet,
  ntWrite,
  type Offset,
} from "../../ffi/win32/async_file.ts";
import type { HandleError } from "../../ffi/error.ts";
import { closeRefused, isProtected } from "../../ffi/win32/errors.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * How many reads may block a thread at once. Deno for Windows has four threads per processor for
 * blocking calls; if reads of empty pipes blocked all of them, no write to those pipes could run.
 */
const MAX_BLOCKING_READS = 2;

/** `NamedPipeState`: the other end is open. */
const FILE_PIPE_CONNECTED_STATE = 3;

let blockingReads = 0;

function totalOf(sources: readonly Uint8Array[]): number {
  return sources.reduce((sum, { length }) => sum + length, 0);
}

/**
 * A HANDLE with a count of its users: the file itself, its streams, and the operations in progress.
 * The last user closes it, so that no operation uses its number after Windows has reused it.
 */
export class WindowsFileIo {
  readonly raw: RawHandle;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();
  #users = 1;
  #last: Promise<unknown> = Promise.resolve();

  constructor(raw: RawHandle) {
    this.raw = raw;
  }

  /** Resolves when the handle is closed; rejects when that failed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The error of a close, when the handle is protected from closing; else `undefined`. */
  get refusal(): HandleError | undefined {
    return isProtected(this.raw) ? closeRefused(this.raw, "NtClose") : undefined;
  }

  /** Adds a user. */
  ref(): void {
    this.#users++;
  }

  /** Removes a user; the last one closes the handle. */
  unref(): void {
    if (--this.#users === 0) ntClose(this.raw).then(this.#closed.resolve, this.#closed.reject);
  }

  /** Reads up to `length` bytes, at the current position or at an offset. */
  read(length: number, offset: Offset): Promise<Uint8Array> {
    return this.run(() => this.#keepingPosition(offset, () => this.#read(length, offset)));
  }

  /** Writes the buffers in order, and returns the number of bytes written. */
  write(sources: readonly Uint8Array[], offset: Offset): Promise<number> {
    const length = totalOf(sources);
    return this.run(() =>
      this.#keepingPosition(offset, () => {
        if (totalOf(sources) === length) return ntWrite(this.raw, sources, offset);
        throw new TypeError("Cannot write a buffer: it was transferred or resized before its turn");
      })
    );
  }

  /** Flushes the system's cache of the file. */
  flush(): Promise<void> {
    return this.run(() => ntFlush(this.raw));
  }

  /**
   * Runs an operation when all earlier ones have ended. The system does the same for a synchronous
   * handle; here it also prevents a second operation before the position is restored.
   */
  async run<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.#users++;
    const result = this.#last.then(operation);
    this.#last = result.catch(() => {});
    try {
      return await result;
    } finally {
      this.unref();
    }
  }

  async #read(length: number, offset: Offset): Promise<Uint8Array> {
    for (
      let wait = 1;
      blockingReads >= MAX_BLOCKING_READS && await this.#isEmpty();
      wait = Math.min(wait * 2, 32)
    ) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    blockingReads++;
    try {
      return await ntRead(this.raw, length, offset);
    } finally {
      blockingReads--;
    }
  }

  /** Whether the handle is a pipe without data whose other end is open. */
  async #isEmpty(): Promise<boolean> {
    try {
      const query = "NtQueryInformationFile";
      const data = await ntQuery(query, this.raw, FilePipeLocalInformation, 40);
      const available = data.getUint32(20, true);
      return available === 0 && data.getUint32(32, true) === FILE_PIPE_CONNECTED_STATE;
    } catch {
      return false; // not a pipe
    }
  }

  /**
   * Restores the position after a read or write at an offset, which moves the position of a
   * synchronous handle; libuv does the same. A pipe has no position.
   */
  async #keepingPosition<Result>(
    offset: Offset,
    operation: () => Promise<Result>,
  ): Promise<Result> {
    if (offset === null) return await operation();
    let position: bigint | undefined;
    try {
      const what = "NtQueryInformationFile";
      const data = await ntQuery(what, this.raw, FilePositionInformation, 8);
      position = data.getBigInt64(0, true);
    } catch {
      // The operation itself reports the error.
    }
    try {
      return await operation();
    } finally {
      if (position !== undefined) await this.#setPosition(position);
    }
  }

  async #setPosition(position: bigint): Promise<void> {
    try {
      const fill = (data: DataView) => data.setBigInt64(0, position, true);
      await ntSet(this.raw, FilePositionInformation, 8, fill);
    } catch {
      // The read or write has succeeded. An overlapped handle has no position to restore.
    }
  }
}
