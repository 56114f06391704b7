/** More open files than descriptors. */
import { checkInteger, MAX_FD, show } from "../../ffi/check.ts";
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { Attempts } from "../util/attempts.ts";
import { OwnedHandle } from "../handle/handle.ts";
import { checkKeys } from "../handle/options.ts";
import { PooledDescriptor } from "./descriptor.ts";
import { residence } from "./platform.ts";
import type { Residence } from "./types.ts";

/** How a pool is made. */
export interface PoolOptions {
  /** How many descriptors its files may have at a time, from 1. */
  readonly limit: number;
}

/** What a pool is doing. */
export interface PoolStats {
  /** How many files have a descriptor now. */
  readonly resident: number;
  /** How many files are kept without one. */
  readonly parked: number;
  /** How often a file that was used had a descriptor. */
  readonly hits: number;
  /** How often it had to be given one. */
  readonly faults: number;
}

/** A file of the pool. The files that have a descriptor are a list, the one used last at its start. */
interface Entry {
  fd: number | undefined;
  place: unknown;
  pins: number;
  closed: boolean;
  newer: Entry | undefined;
  older: Entry | undefined;
}

/**
 * Keeps more files open than there are descriptors. At most `limit` of them have one at a time; the
 * others are paged out, least recently used first, and paged in when they are used. They stay open all
 * the time: position, locks, pipes, sockets and deleted files survive. (The record locks of fcntl(2)
 * are no file's but the process's, and end with any close of their file, so paging ends them.)
 *
 * On Linux the files that are paged out are on their way to ourselves, over sockets: beside its
 * `limit` a pool needs two descriptors for each 4,000 files, and some twenty for moments. Without
 * privileges a user may have as many there as one process may have open; {@linkcode
 * raiseDescriptorLimit} helps. On Windows, where the C runtime has at most 8,192 descriptors and a
 * process millions of handles, they are handles. macOS: `ENOTSUP` when the first is paged out.
 *
 * @see https://man7.org/linux/man-pages/man2/getrlimit.2.html
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 * @see https://learn.microsoft.com/cpp/c-runtime-library/reference/setmaxstdio
 *
 * @example
 * ```ts
 * import { DescriptorPool, duplicate } from "duphandle";
 * import { closeSync, fstatSync, openSync } from "node:fs";
 *
 * await using pool = new DescriptorPool({ limit: 2 });
 * const files = ["README.md", "LICENSE", "CHANGELOG.md"].map((path) => {
 *   const fd = openSync(path, "r");
 *   const file = pool.add(duplicate(fd));
 *   closeSync(fd);
 *   return file;
 * });
 * for (const file of files) console.log(file.use((fd) => fstatSync(fd).size));
 * console.log(pool.stats); // { resident: 2, parked: 1, hits: 0, faults: 3 }
 * ```
 */
export class DescriptorPool implements AsyncDisposable {
  readonly #limit: number;
  readonly #residence: Residence<unknown> = residence();
  readonly #entries = new Set<Entry>();
  #newest: Entry | undefined;
  #oldest: Entry | undefined;
  #resident = 0;
  #hits = 0;
  #faults = 0;
  #closed = false;

  /**
   * Makes a pool without files.
   *
   * @param options how many descriptors it may use
   * @throws {TypeError} when `limit` is not an integer from 1
   */
  constructor(options: PoolOptions) {
    checkKeys(options, ["limit"]);
    checkInteger(options.limit, "limit", 1, MAX_FD);
    this.#limit = options.limit;
  }

  /** What the pool is doing. */
  get stats(): PoolStats {
    return {
      resident: this.#resident,
      parked: this.#entries.size - this.#resident,
      hits: this.#hits,
      faults: this.#faults,
    };
  }

  /**
   * Takes over a handle.
   *
   * @param handle it is consumed, unless this throws
   * @returns the file of the pool
   * @throws {HandleError} `EMFILE` when all descriptors are pinned, or there is no room to keep
   * another file; then the handle stays the caller's. `EBADF` when it or the pool is closed
   * @throws {TypeError} when it is not an {@linkcode OwnedHandle}
   */
  add(handle: OwnedHandle): PooledDescriptor {
    this.#requireOpen();
    if (!(handle instanceof OwnedHandle)) {
      throw new TypeError(`Cannot add ${show(handle)}: it must be an OwnedHandle`);
    }
    const { raw } = handle;
    // From the first that has to wait on, all have a place to wait in: so only this can lack one.
    if (this.#entries.size === this.#limit) this.#keepAll();
    const mustKeep = this.#entries.size >= this.#limit;
    const settled = this.#residence.settle(raw, this.#makeRoom(), mustKeep);
    this.#residence.release(handle.release());
    const entry = {
      ...settled,
      pins: 0,
      closed: false,
      newer: undefined,
      older: undefined,
    };
    this.#entries.add(entry);
    this.#link(entry);
    return new PooledDescriptor({
      acquire: () => this.#acquire(entry),
      release: () => void entry.pins--,
      close: () => this.#close(entry),
      isClosed: () => entry.closed,
    });
  }

  /** Closes every file of the pool, also those that are pinned. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const attempts = new Attempts();
    const places: unknown[] = [];
    for (const entry of this.#entries) {
      const { fd, place } = entry;
      if (fd !== undefined) attempts.run(() => this.#residence.leave(fd));
      if (place !== undefined) places.push(place);
      entry.closed = true;
      entry.fd = entry.place = undefined;
    }
    this.#entries.clear();
    this.#newest = this.#oldest = undefined;
    this.#resident = 0;
    attempts.run(() => this.#residence.close(places));
    attempts.end();
  }

  /** Closes the pool, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => resolve(this.close()));
  }

  /** The descriptor of a file, which keeps it until it is released. */
  #acquire(entry: Entry): number {
    if (entry.closed) throw closedError();
    if (entry.fd !== undefined) {
      this.#hits++;
      if (entry !== this.#newest) {
        this.#unlink(entry);
        this.#link(entry);
      }
    } else {
      this.#fault(entry);
    }
    entry.pins++;
    return entry.fd as number;
  }

  #fault(entry: Entry): void {
    entry.fd = this.#residence.fetch(entry.place, this.#makeRoom());
    this.#faults++;
    this.#link(entry);
  }

  /** A descriptor that can be replaced; `undefined` when there may be one more. */
  #makeRoom(): number | undefined {
    if (this.#resident < this.#limit) return undefined;
    let entry = this.#oldest;
    while (entry !== undefined && entry.pins > 0) entry = entry.newer;
    if (entry === undefined) throw allPinned(this.#limit);
    const fd = entry.fd as number;
    entry.fd = undefined;
    this.#unlink(entry);
    return fd;
  }

  #keepAll(): void {
    for (let entry = this.#newest; entry !== undefined; entry = entry.older) {
      entry.place ??= this.#residence.park(entry.fd as number);
    }
  }

  #close(entry: Entry): void {
    if (entry.closed) return;
    if (entry.pins > 0) throw inUse();
    let gone: HandleError | undefined;
    try {
      if (entry.place !== undefined) this.#residence.forget(entry.place);
    } catch (error) {
      if (!hasCode(error, "EBADF")) throw error;
      gone = error; // somebody else has closed what was ours
    }
    const { fd } = entry;
    entry.closed = true;
    entry.fd = entry.place = undefined;
    this.#entries.delete(entry);
    if (fd !== undefined) {
      this.#unlink(entry);
      this.#residence.leave(fd);
    }
    if (gone !== undefined) throw gone;
  }

  #link(entry: Entry): void {
    this.#resident++;
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  #unlink(entry: Entry): void {
    this.#resident--;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
  }

  #requireOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function closedError(): Error {
  return failure("EBADF", "close", {
    message: "Cannot use a file of the pool: it or the pool is closed; add a duplicate before",
  });
}

function allPinned(limit: number): Error {
  return failure("EMFILE", "dup3", {
    message:
      `Cannot give a file a descriptor: all ${limit} of the pool are pinned; end a pin, or ` +
      "give the pool a higher limit",
  });
}

function inUse(): Error {
  return failure("EBUSY", "close", {
    message: "Cannot close a file of the pool while it is pinned or used; wait for the end of that",
  });
}
