/** More open files than descriptors. */
import { checkInteger, MAX_FD, show } from "../../ffi/check.ts";
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { Attempts } from "../util/attempts.ts";
import { isOwnedHandle, type OwnedHandle, rawOfHandle } from "../handle/handle.ts";
import { checkKeys } from "../handle/options.ts";
import { type PooledDescriptor, pooledDescriptor } from "./descriptor.ts";
import { poolBackend } from "./platform.ts";
import type { PoolBackend } from "./types.ts";

/** The options of a {@linkcode DescriptorPool}. */
export interface PoolOptions {
  /** How many files may have a descriptor at the same time: 1 or more. */
  readonly limit: number;
}

/** The counts of a {@linkcode DescriptorPool}. */
export interface PoolStats {
  /** How many files have a descriptor now. */
  readonly resident: number;
  /** How many files are kept without a descriptor now. */
  readonly parked: number;
  /** How many uses and pins found the file with a descriptor. */
  readonly hits: number;
  /** How many uses and pins had to give the file a descriptor first. */
  readonly faults: number;
}

/** A file of the pool. Files with a descriptor form a linked list, the one used last at its start. */
interface Entry {
  /** Its descriptor, while it has one. */
  fd: number | undefined;
  /** Where it is parked, if it is; a file with a descriptor may be parked as well. */
  spot: unknown;
  pins: number;
  closed: boolean;
  newer: Entry | undefined;
  older: Entry | undefined;
}

/**
 * Keeps more files open than there are descriptors. At most `limit` files have a descriptor at a time.
 * The others are paged out, the least recently used first, and paged in when they are used. All of them
 * stay open: positions, locks of `flock`, pipes, sockets and deleted files survive. Record locks of fcntl(2)
 * do not: adding a file, paging it out, and paging in another one each close a descriptor of it, which ends
 * the record locks that this process has on the file:
 * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
 *
 * - Linux: files that are paged out are kept in messages that the process sends to itself over sockets.
 *   A pool needs two descriptors for each 4,000 files beside its `limit`, and some twenty for moments.
 *   A user without privileges may have as many files there as one process may have open; {@linkcode
 *   raiseDescriptorLimit} helps while the soft limit is below the hard one.
 * - Windows: the C runtime has at most 8,192 descriptors and a process millions of handles, so files
 *   that are paged out are kept as handles.
 * - macOS: `ENOTSUP` when the first file is paged out.
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
 * using pool = new DescriptorPool({ limit: 2 });
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
export class DescriptorPool implements Disposable, AsyncDisposable {
  readonly #limit: number;
  readonly #backend: PoolBackend<unknown> = poolBackend();
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
   * @param options how many files may have a descriptor at the same time
   * @throws {TypeError} when `limit` is not an integer from 1
   */
  constructor(options: PoolOptions) {
    checkKeys(options, ["limit"]);
    checkInteger(options.limit, "limit", 1, MAX_FD);
    this.#limit = options.limit;
  }

  /** The counts of the pool at this moment. */
  get stats(): PoolStats {
    return {
      resident: this.#resident,
      parked: this.#entries.size - this.#resident,
      hits: this.#hits,
      faults: this.#faults,
    };
  }

  /**
   * Adds the file of a handle to the pool. The pool becomes the owner of the handle. On Linux it closes the
   * handle, since the file has another descriptor then, which ends the record locks that this process has on
   * the file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * @param handle the handle; it is consumed, unless this throws
   * @returns the file of the pool
   * @throws {HandleError} `EMFILE` when all descriptors of the pool are pinned, or when the system
   * cannot keep another file; `EBADF` when the handle or the pool is closed. The handle stays the
   * caller's
   * @throws {TypeError} when `handle` is not an {@linkcode OwnedHandle}
   */
  add(handle: OwnedHandle): PooledDescriptor {
    this.#requireOpen();
    if (!isOwnedHandle(handle)) {
      throw new TypeError(`Cannot add ${show(handle)}: it must be an OwnedHandle`);
    }
    const raw = rawOfHandle(handle);
    // Once there are more files than descriptors, every file is parked. So only add() can find that the
    // system keeps no more: paging out a file that is parked cannot fail.
    if (this.#entries.size === this.#limit) this.#parkAll();
    const mustPark = this.#entries.size >= this.#limit;
    const attached = this.#backend.attach(raw, this.#pageOut(), mustPark);
    handle.release();
    this.#backend.consume(raw);
    const entry = {
      ...attached,
      pins: 0,
      closed: false,
      newer: undefined,
      older: undefined,
    };
    this.#entries.add(entry);
    this.#link(entry);
    return pooledDescriptor({
      pin: () => this.#pin(entry),
      unpin: () => void entry.pins--,
      close: () => this.#close(entry),
      isClosed: () => entry.closed,
    });
  }

  /**
   * Closes every file of the pool, also those that are pinned. A second call does nothing.
   *
   * @throws {HandleError} the first error of a file that could not be closed, such as `EBADF` when
   * other code has closed its descriptor; all other files are closed all the same. On Windows `EPERM`
   * when a handle is protected from closing: its file and the pool stay open
   */
  close(): void {
    if (this.#closed) return;
    const attempts = new Attempts();
    const spots: unknown[] = [];
    for (const entry of this.#entries) {
      attempts.run(() => {
        if (entry.spot !== undefined) this.#backend.refuseProtected(entry.spot);
        const { fd, spot } = this.#remove(entry);
        if (spot !== undefined) spots.push(spot);
        if (fd !== undefined) this.#backend.closeFd(fd);
      });
    }
    this.#closed = this.#entries.size === 0;
    attempts.run(() => this.#backend.close(spots));
    attempts.end();
  }

  /** Closes the pool at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes the pool at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => resolve(this.close()));
  }

  /** Pages a file in if it is out, and counts one pin. */
  #pin(entry: Entry): number {
    if (entry.closed) throw closedError();
    if (entry.fd !== undefined) {
      this.#hits++;
      if (entry !== this.#newest) {
        this.#unlink(entry);
        this.#link(entry);
      }
    } else {
      this.#pageIn(entry);
    }
    entry.pins++;
    return entry.fd as number;
  }

  #pageIn(entry: Entry): void {
    entry.fd = this.#backend.fetch(entry.spot, this.#pageOut());
    this.#faults++;
    this.#link(entry);
  }

  /**
   * At the limit, takes the descriptor from the file that was not used for longest.
   *
   * @returns that descriptor, which can be reused; `undefined` below the limit
   */
  #pageOut(): number | undefined {
    if (this.#resident < this.#limit) return undefined;
    let entry = this.#oldest;
    while (entry !== undefined && entry.pins > 0) entry = entry.newer;
    if (entry === undefined) throw allPinned(this.#limit);
    const fd = entry.fd as number;
    entry.fd = undefined;
    this.#unlink(entry);
    return fd;
  }

  #parkAll(): void {
    for (let entry = this.#newest; entry !== undefined; entry = entry.older) {
      entry.spot ??= this.#backend.park(entry.fd as number);
    }
  }

  #close(entry: Entry): void {
    if (entry.closed) return;
    if (entry.pins > 0) throw inUse();
    let alreadyClosed: HandleError | undefined;
    try {
      if (entry.spot !== undefined) this.#backend.forget(entry.spot);
    } catch (error) {
      if (!hasCode(error, "EBADF")) throw error;
      alreadyClosed = error; // other code has closed the handle of the pool
    }
    const { fd } = this.#remove(entry);
    if (fd !== undefined) this.#backend.closeFd(fd);
    if (alreadyClosed !== undefined) throw alreadyClosed;
  }

  /** Takes a file out of the pool. Returns what is to be closed. */
  #remove(entry: Entry): Pick<Entry, "fd" | "spot"> {
    const { fd, spot } = entry;
    if (fd !== undefined) this.#unlink(entry);
    this.#entries.delete(entry);
    entry.closed = true;
    entry.fd = entry.spot = undefined;
    return { fd, spot };
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
    message:
      "Cannot use a file of the pool: it or the pool is closed; add the file to an open pool",
  });
}

function allPinned(limit: number): Error {
  return failure("EMFILE", "dup3", {
    message:
      `Cannot give a file a descriptor: all ${limit} of the pool are pinned; end a pin, or ` +
      "make the pool with a higher limit",
  });
}

function inUse(): Error {
  return failure("EBUSY", "close", {
    message:
      "Cannot close a file of the pool: it is pinned or used; end the pin or wait for use() first",
  });
}
