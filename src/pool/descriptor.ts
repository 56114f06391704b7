/** A file of the pool, as its user has it. */

/** What a file of the pool asks of its pool. */
export interface Owner {
  acquire(): number;
  release(): void;
  close(): void;
  isClosed(): boolean;
}

/**
 * A file of a `DescriptorPool`, which has a descriptor while it is used.
 *
 * @example
 * ```ts
 * import { DescriptorPool, duplicate, type PooledDescriptor } from "duphandle";
 *
 * await using pool = new DescriptorPool({ limit: 8 });
 * using file: PooledDescriptor = pool.add(duplicate(1));
 * console.log(file.use((fd) => fd > 2)); // true
 * {
 *   using pin = file.pin(); // this descriptor is the file's until the end of the block
 *   console.log(pin.fd);
 * }
 * ```
 */
export class PooledDescriptor implements Disposable {
  readonly #owner: Owner;

  /** Use `DescriptorPool.add`. */
  constructor(owner: Owner) {
    this.#owner = owner;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#owner.isClosed();
  }

  /**
   * Calls a function with a descriptor of the runtime, which is the file's until the function returns
   * or, when it returns a promise, until that is settled. It must not be closed.
   *
   * In Deno for Windows, which makes no descriptors of handles, it is the `HANDLE`.
   *
   * @param fn what is to be done
   * @returns what the function returns
   * @throws {HandleError} `EBADF` when it is closed; `EMFILE` when every descriptor of the pool is
   * pinned, or none could be made; and what the function throws
   */
  use<Result>(fn: (fd: number) => Result): Result {
    const fd = this.#owner.acquire();
    let isOver = true;
    try {
      const result = fn(fd);
      if (isThenable(result)) {
        isOver = false;
        const release = () => this.#owner.release();
        return Promise.resolve(result).finally(release) as Result;
      }
      return result;
    } finally {
      if (isOver) this.#owner.release();
    }
  }

  /**
   * Gives the file a descriptor that stays until the result is disposed.
   *
   * @returns the descriptor, which must not be closed; `using` ends the pin with its block
   * @throws {HandleError} as {@linkcode PooledDescriptor.use}
   */
  pin(): Disposable & { readonly fd: number } {
    const fd = this.#owner.acquire();
    let isPinned = true;
    return {
      fd,
      [Symbol.dispose]: () => {
        if (isPinned) this.#owner.release();
        isPinned = false;
      },
    };
  }

  /**
   * Closes the file. A second call does nothing.
   *
   * @throws {HandleError} `EBUSY` while it is pinned or used; `EMFILE` when there is not even room to
   * take it out of where it is kept. It stays open then
   */
  close(): void {
    this.#owner.close();
  }

  /** Closes the file, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
