/** Handles as objects: who owns one must close it, exactly once; who borrows one must not. */
import type { FileHandle } from "node:fs/promises";
import { checkBoolean, checkFd } from "../../ffi/check.ts";
import { failure, hasCode } from "../../ffi/error.ts";
import { closeRuntimeFd } from "./adopt.ts";
import { duplicateRaw } from "./raw.ts";
import type { DuplicateOptions } from "./options.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { adopter, platform } from "./platform.ts";

/**
 * A handle of this process: owned or borrowed.
 *
 * @see https://man7.org/linux/man-pages/man2/open.2.html
 * @see https://learn.microsoft.com/windows/win32/sysinfo/handles-and-objects
 *
 * @example
 * ```ts
 * import { borrow, duplicate, type Handle } from "duphandle";
 *
 * const describe = ({ raw, inheritable }: Handle) => `${raw} ${inheritable}`;
 * using owned = duplicate(1);
 * console.log(describe(owned), describe(borrow(owned.raw)));
 * ```
 */
export abstract class Handle {
  /**
   * The handle's number: a descriptor on POSIX, a `HANDLE` on Windows.
   *
   * @throws {HandleError} `EBADF` when the handle is closed or was released
   */
  abstract get raw(): RawHandle;

  /** Whether this object can no longer be used. */
  abstract get closed(): boolean;

  /**
   * Whether child processes inherit this handle. It belongs to the handle, not to the object that
   * the handle refers to: duplicates have their own.
   *
   * @throws {HandleError} `EBADF` when the handle is closed
   */
  get inheritable(): boolean {
    return platform().isInheritable(this.raw);
  }

  set inheritable(inheritable: boolean) {
    checkBoolean(inheritable, "inheritable");
    platform().setInheritable(this.raw, inheritable);
  }

  /**
   * A new handle to the same kernel object, as {@linkcode duplicate} makes it.
   *
   * @param options how it is to differ from the plain duplicate
   * @returns the new handle, which the caller closes
   * @throws {HandleError} `EBADF`, `EMFILE`, `EACCES`, `ENOTSUP`
   * @throws {TypeError} when the options are not known, or a borrowed source is to be closed
   */
  duplicate(options?: DuplicateOptions): OwnedHandle {
    return OwnedHandle.fromRaw(
      duplicateRaw(this.raw, options, this instanceof OwnedHandle ? this : undefined),
    );
  }
}

/** Whether the value is a {@linkcode Handle}, also for objects that throw when they are asked. */
export function isHandle(value: unknown): value is Handle {
  try {
    return value instanceof Handle;
  } catch {
    return false; // a revoked proxy
  }
}

/**
 * A handle that somebody else owns and closes; make one with {@linkcode borrow}.
 *
 * @example
 * ```ts
 * import { type BorrowedHandle, duplicate } from "duphandle";
 *
 * const copyOf = (lent: BorrowedHandle) => lent.duplicate();
 * using mine = duplicate(1);
 * using another = copyOf(mine.borrow());
 * console.log(another.raw !== mine.raw); // true
 * ```
 */
export class BorrowedHandle extends Handle {
  readonly #source: RawHandle | OwnedHandle;

  /** Use {@linkcode borrow} or {@linkcode OwnedHandle.borrow}. */
  constructor(source: RawHandle | OwnedHandle) {
    super();
    if (!(source instanceof OwnedHandle)) platform().checkBorrowed(source);
    this.#source = source;
  }

  /** The handle's number, as {@linkcode Handle.raw}. */
  override get raw(): RawHandle {
    return typeof this.#source === "number" ? this.#source : this.#source.raw;
  }

  /** Whether the owner closed it, where the owner is known. */
  override get closed(): boolean {
    return typeof this.#source !== "number" && this.#source.closed;
  }
}

/**
 * A handle that is ours to close, once. With `using` it is closed at the end of the block.
 *
 * Nothing closes it behind your back: an owner that is forgotten keeps its object alive until the
 * process ends.
 *
 * @see https://man7.org/linux/man-pages/man2/close.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-closehandle
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle";
 *
 * using copy = duplicate(1);
 * console.log(copy.raw, copy.inheritable); // 3 or above, false
 * ```
 */
export class OwnedHandle extends Handle implements Disposable, AsyncDisposable {
  readonly #raw: RawHandle;
  #closed: boolean;

  /** Use {@linkcode OwnedHandle.fromRaw} or {@linkcode duplicate}. */
  protected constructor(raw: RawHandle) {
    super();
    this.#raw = raw;
    this.#closed = false;
    listener(this, raw);
  }

  /**
   * Takes over the duty to close a handle that nobody else will close.
   *
   * A descriptor that the runtime opened belongs to the runtime: duplicate it instead.
   *
   * @param raw a descriptor on POSIX, a `HANDLE` on Windows
   * @returns the owner, which the caller closes
   * @throws {TypeError} when the number cannot be a handle that can be owned
   *
   * @example
   * ```ts
   * import { duplicate, OwnedHandle } from "duphandle";
   *
   * const raw = duplicate(1).release();
   * OwnedHandle.fromRaw(raw).close();
   * ```
   */
  static fromRaw(raw: RawHandle): OwnedHandle {
    platform().checkOwned(raw);
    return new OwnedHandle(raw);
  }

  /**
   * Takes a handle out of a descriptor of the runtime, which is closed: the object is ours alone.
   *
   * On Windows this is how to get the `HANDLE` out of a C-runtime descriptor without closing it
   * twice. The runtime closes its descriptor itself.
   *
   * @param fd a descriptor of the running runtime; it is consumed, whatever the outcome
   * @returns the owner of the new handle, which the caller closes
   * @throws {HandleError} `EBADF` when the runtime has no such descriptor; `EMFILE`; `ENOTSUP` in
   * Deno for Windows for a descriptor above 2
   * @throws {TypeError} when `fd` is not an integer from 0 to 2^31 − 1
   *
   * @example
   * ```ts
   * import { OwnedHandle } from "duphandle";
   * import { openSync } from "node:fs";
   *
   * const handle = OwnedHandle.fromFd(openSync("README.md", "r"));
   * handle.close();
   * ```
   */
  static fromFd(fd: number): OwnedHandle {
    checkFd(fd);
    const owner = { close: () => closeRuntimeFd(fd) };
    return OwnedHandle.fromRaw(duplicateRaw(platform().rawOfFd(fd), { closeSource: true }, owner));
  }

  /** The handle's number, as {@linkcode Handle.raw}. */
  override get raw(): RawHandle {
    if (this.#closed) throw closedError(this.#raw);
    return this.#raw;
  }

  /** Whether the handle is closed or was released. */
  override get closed(): boolean {
    return this.#closed;
  }

  /**
   * The same handle for somebody who must not close it. It ends with this owner.
   *
   * @returns the handle, which its user does not close
   * @throws {HandleError} `EBADF` when it is closed or was released
   */
  borrow(): BorrowedHandle {
    if (this.#closed) throw closedError(this.#raw);
    return new BorrowedHandle(this);
  }

  /**
   * Gives up the duty to close: the caller has it now. This object can no longer be used.
   *
   * @returns the raw handle
   * @throws {HandleError} `EBADF` when it is closed or was released before
   */
  release(): RawHandle {
    if (this.#closed) throw closedError(this.#raw);
    this.#closed = true;
    return this.#raw;
  }

  /**
   * Closes the handle. A second call does nothing.
   *
   * @throws {HandleError} `EBADF` when somebody else closed our handle: two owners have the same
   * one, and each should have had a duplicate. `EIO`, `ENOSPC`, `EDQUOT` when written data may be
   * lost; the handle is closed then
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.closeRaw(this.#raw);
  }

  /**
   * How this kind of handle is closed; `close` calls it once.
   *
   * @param raw the handle
   */
  protected closeRaw(raw: RawHandle): void {
    platform().close(raw);
  }

  /**
   * Makes the runtime own the handle, as a descriptor: `fs.readSync(fd, …)`, `fs.closeSync(fd)`.
   *
   * This object is consumed, whatever the outcome. On POSIX the runtime opens `/dev/null` and our
   * object takes its place, so Deno needs `--allow-read=/dev/null`.
   *
   * @returns a descriptor that the runtime's `node:fs` accepts and closes
   * @throws {HandleError} `EBADF` when it is closed; `EMFILE`; `EACCES` when the runtime may not
   * open the placeholder; `ENOTSUP` in Deno for Windows
   *
   * @example
   * ```ts
   * import { duplicate } from "duphandle";
   * import { closeSync, fstatSync, openSync } from "node:fs";
   *
   * const file = openSync("README.md", "r");
   * const fd = duplicate(file).toFd();
   * closeSync(file);
   * console.log(fstatSync(fd).size);
   * closeSync(fd);
   * ```
   */
  toFd(): number {
    const { raw, inheritable } = this.#handOver();
    return adopter().toFd(raw, inheritable);
  }

  /**
   * Makes the runtime own the handle, as its own `fs/promises` `FileHandle`, with streams,
   * `readLines` and disposal. In Deno for Windows it is an object with the same methods.
   *
   * This object is consumed, whatever the outcome.
   *
   * @returns the file, which the caller closes
   * @throws {HandleError} as {@linkcode OwnedHandle.toFd}
   *
   * @example
   * ```ts
   * import { duplicate } from "duphandle";
   * import { open } from "node:fs/promises";
   *
   * const file = await open("README.md");
   * const copy = await duplicate(file).toFileHandle();
   * await file.close();
   * console.log((await copy.readFile("utf8")).length);
   * await copy.close();
   * ```
   */
  async toFileHandle(): Promise<FileHandle> {
    const { raw, inheritable } = this.#handOver();
    return await adopter().toFileHandle(raw, inheritable);
  }

  /** Gives up the duty to close for an adopter, which takes it whatever the outcome. */
  #handOver(): { raw: RawHandle; inheritable: boolean } {
    const raw = this.release();
    try {
      return { raw, inheritable: platform().isInheritable(raw) };
    } catch (error) {
      // What is not open is not ours, and its number can be somebody else's in the next moment.
      if (!hasCode(error, "EBADF")) this.closeRaw(raw);
      throw error;
    }
  }

  /** Closes the handle, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes the handle, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    // A failing close must reject and not throw.
    return new Promise((resolve) => resolve(this.close()));
  }
}

/**
 * A handle that somebody else owns, as a source for the verbs.
 *
 * On POSIX the number is a descriptor; on Windows it is a `HANDLE` and not a descriptor. −2, this
 * thread, is allowed there; −1 is refused, because it is also what a failed call returns.
 *
 * @param raw the number of an open handle
 * @returns the handle, which its user does not close
 * @throws {TypeError} when the number cannot be a handle
 *
 * @example
 * ```ts
 * import { borrow, duplicate } from "duphandle";
 *
 * using stdout = duplicate(1);
 * using second = borrow(stdout.raw).duplicate();
 * ```
 */
export function borrow(raw: RawHandle): BorrowedHandle {
  return new BorrowedHandle(raw);
}

/** Hears of every owner at its birth. It does nothing, and costs as much, unless handles are tracked. */
let listener: (owner: OwnedHandle, raw: RawHandle) => void = nobody;

/** Has a function called with every {@linkcode OwnedHandle} that is made; without one, nobody hears. */
export function onOwned(hear: (owner: OwnedHandle, raw: RawHandle) => void = nobody): void {
  listener = hear;
}

function nobody(): void {}

function closedError(raw: RawHandle): Error {
  return failure("EBADF", "close", {
    message: `Cannot use handle ${raw}: it was closed or released here; duplicate it before that`,
    handle: raw,
  });
}
