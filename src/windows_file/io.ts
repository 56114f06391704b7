/** The HANDLE behind a file in Deno for Windows: used by one operation at a time, closed once. */
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
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * How many reads may wait on threads at once. Deno for Windows has four threads per processor for
 * all that waits; if empty pipes had them all, nobody could write into those pipes.
 */
const WAITING = 2;

/** `NamedPipeState`: the other end is open. */
const FILE_PIPE_CONNECTED_STATE = 3;

let reading = 0;

/**
 * A HANDLE and its users: the file itself, the streams over it and the operations under way. After
 * the last of them it is closed, so that nothing acts on a number that means something else by then.
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

  /** One user more. */
  ref(): void {
    this.#users++;
  }

  /** One user less; the last one closes the handle. */
  unref(): void {
    if (--this.#users === 0) ntClose(this.raw).then(this.#closed.resolve, this.#closed.reject);
  }

  /** Reads up to so many bytes, at the position of the open file or at an offset. */
  read(length: number, offset: Offset): Promise<Uint8Array> {
    return this.run(() => this.#keepingPosition(offset, () => this.#read(length, offset)));
  }

  /** Writes the buffers, one after the other; returns how many bytes were written. */
  write(sources: readonly Uint8Array[], offset: Offset): Promise<number> {
    return this.run(() => this.#keepingPosition(offset, () => ntWrite(this.raw, sources, offset)));
  }

  /** Has everything written that the system keeps in memory. */
  flush(): Promise<void> {
    return this.run(() => ntFlush(this.raw));
  }

  /**
   * Runs an operation after those before it. With a synchronous handle the system does the same;
   * here it also keeps other operations away from a position that is about to be put back.
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
    for (let wait = 1; reading >= WAITING && await this.#isEmpty(); wait = Math.min(wait * 2, 32)) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    reading++;
    try {
      return await ntRead(this.raw, length, offset);
    } finally {
      reading--;
    }
  }

  /** Whether it is a pipe in which nothing waits while its other end is open. */
  async #isEmpty(): Promise<boolean> {
    try {
      const query = "NtQueryInformationFile";
      const data = await ntQuery(query, this.raw, FilePipeLocalInformation, 40);
      const available = data.getUint32(20, true);
      return available === 0 && data.getUint32(32, true) === FILE_PIPE_CONNECTED_STATE;
    } catch {
      return false; // no pipe
    }
  }

  /**
   * A synchronous handle takes its position along to wherever it reads or writes, so it is put
   * back, as libuv does. A pipe has none.
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
      // The operation itself tells what is wrong.
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
      // What was read or written counts; an overlapped handle has no position to put back.
    }
  }
}
