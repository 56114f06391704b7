/** One file of a pool. */

/** The part of a pool that concerns one of its files. */
export interface PoolEntry {
  /**
   * Gives the file a descriptor and keeps it there until `unpin`, which is called once for each pin.
   */
  pin(): number;
  /** Ends one pin. */
  unpin(): void;
  /** Closes the file. */
  close(): void;
  /** Whether the file or its pool is closed. */
  isClosed(): boolean;
}

/**
 * Makes the `PooledDescriptor` of an entry. Its constructor is private, and a static block that called
 * it would keep bundlers from removing the class.
 */
export function pooledDescriptor(entry: PoolEntry): PooledDescriptor {
  return Reflect.construct(PooledDescriptor, [entry]) as PooledDescriptor;
}

/**
 * A file of a {@linkcode DescriptorPool}, made by its `add`. It has a descriptor while it is used.
 *
 * @example
 * ```ts
 * import { DescriptorPool, duplicate, type PooledDescriptor } from "duphandle";
 *
 * using pool = new DescriptorPool({ limit: 8 });
 * const file: PooledDescriptor = pool.add(duplicate(1));
 * console.log(file.use((fd) => fd > 2)); // true
 * {
 *   using pin = file.pin(); // the file keeps this descriptor until the end of the block
 *   console.log(pin.fd);
 * }
 * file.close();
 * ```
 */
export class PooledDescriptor implements Disposable {
  readonly #entry: PoolEntry;

  private constructor(entry: PoolEntry) {
    this.#entry = entry;
  }

  /** Whether the file is closed. */
  get closed(): boolean {
    return this.#entry.isClosed();
  }

  /**
   * Calls a function with a descriptor of the file. The file keeps the descriptor until the function
   * returns or, when it returns a promise, until that promise is settled. The function must not close
   * the descriptor and must not use it afterwards.
   *
   * The descriptor is one of the runtime, for `node:fs`. In Deno on Windows, which makes
   * descriptors slowly, it is the `HANDLE`.
   *
   * @param fn the function to call
   * @returns what the function returns
   * @throws {HandleError} `EBADF` when the file is closed; `EMFILE` when every descriptor of the pool
   * is pinned, or when the system has no descriptor left. What the function throws is passed on
   */
  use<Result>(fn: (fd: number) => Result): Result {
    const fd = this.#entry.pin();
    let isOver = true;
    try {
      const result = fn(fd);
      if (isThenable(result)) {
        isOver = false;
        const unpin = () => this.#entry.unpin();
        return Promise.resolve(result).finally(unpin) as Result;
      }
      return result;
    } finally {
      if (isOver) this.#entry.unpin();
    }
  }

  /**
   * Gives the file a descriptor that it keeps until the result is disposed.
   *
   * @returns the descriptor, which must not be closed; declare it with `using` to end the pin with the
   * block
   * @throws {HandleError} as {@linkcode PooledDescriptor.use}
   */
  pin(): Disposable & { readonly fd: number } {
    const fd = this.#entry.pin();
    let isPinned = true;
    return {
      fd,
      [Symbol.dispose]: () => {
        if (isPinned) this.#entry.unpin();
        isPinned = false;
      },
    };
  }

  /**
   * Closes the file. A second call does nothing.
   *
   * @throws {HandleError} `EBUSY` while the file is pinned or used; `EMFILE` when no descriptor is free
   * to take it out of the pool; on Windows `EPERM` when its handle is protected from closing: in these cases
   * it stays open. `EBADF` when other code has closed its
   * descriptor or handle: the file is closed then
   */
  close(): void {
    this.#entry.close();
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
