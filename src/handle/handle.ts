/** Handles as objects: an owner closes its handle, exactly once; a borrower does not close it. */
// Longer than 300 lines: the three classes refer to each other, so modules of their own would import
// each other in a circle.
import type { FileHandle } from "node:fs/promises";
import { checkBoolean, checkFd } from "../../ffi/check.ts";
import { failure, hasCode, isCloseRefused } from "../../ffi/error.ts";
import { closeQuietly, consume } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { observer } from "./hooks.ts";
import { type DuplicateOptions, parseDuplicateOptions } from "./options.ts";
import { adopter, platform } from "./platform.ts";
import { duplicateKnown } from "./raw.ts";
import { closeMethodOf, fdOf, type HasFd, RuntimeSource } from "./runtime_source.ts";

/** Makes a {@linkcode BorrowedHandle}, whose constructor is private. */
export let borrowedHandle: (source: RawHandle | OwnedHandle) => BorrowedHandle;

/** Makes the owner of a handle that the operating system has just returned: it needs no check. */
export let ownedHandle: (raw: RawHandle) => OwnedHandle;

/**
 * Releases a handle that is closed as part of a batch: to an observer it is a close, and not a release
 * to other code. Throws as {@linkcode OwnedHandle.release}.
 */
export let releaseForBatch: (owner: OwnedHandle) => RawHandle;

/**
 * Closes the handle of an owner after {@linkcode releaseForBatch}. Throws as {@linkcode OwnedHandle.close}.
 */
export let closeReleased: (owner: OwnedHandle) => void;

/** The last of the standard descriptors, which the streams of the runtime use. */
const LAST_STANDARD_FD = 2;

/** Marks an {@linkcode OwnedHandle} as closed, without closing its handle and without a report. */
export let forget: (owner: object) => void;

/**
 * Says to another copy of this library in the process what a handle is, "owned" or "borrowed": two versions
 * of it, or its sources and its package, have classes of their own.
 */
const KIND: unique symbol = /* @__PURE__ */ Symbol.for("duphandle.handle") as never;

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
   * The raw handle: a descriptor on POSIX, a `HANDLE` on Windows.
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
   * Makes a new handle to the same kernel object, as {@linkcode duplicate} does.
   *
   * @param options how the new handle is to differ from a plain duplicate
   * @returns the new handle, which the caller closes
   * @throws {HandleError} `EBADF`, `EMFILE`, `EACCES`, `ENOTSUP`
   * @throws {TypeError} when an option is not of its kind, or a borrowed source is to be closed
   */
  duplicate(options?: DuplicateOptions): OwnedHandle {
    if (options === undefined) {
      return ownedHandle(platform().duplicate(this.raw, false, undefined));
    }
    const choices = parseDuplicateOptions(options);
    const owner = this instanceof OwnedHandle ? this : undefined;
    return ownedHandle(duplicateKnown({ raw: this.raw, owner }, choices));
  }
}

/**
 * Whether the value is a {@linkcode Handle}, of this copy of the library or of another one; `false` also for
 * a proxy that throws. What is not of this copy may be an imitation: {@linkcode rawOfHandle} checks it.
 */
export function isHandle(value: unknown): value is Handle {
  try {
    return value instanceof Handle || kindElsewhere(value) !== undefined;
  } catch {
    return false; // a revoked proxy
  }
}

/** Whether the value is an {@linkcode OwnedHandle}, of this copy of the library or of another one. */
export function isOwnedHandle(value: unknown): value is OwnedHandle {
  return value instanceof OwnedHandle || kindElsewhere(value) === "owned";
}

/** The raw handle of a {@linkcode Handle}. That of another copy is checked as a number of the user's. */
export function rawOfHandle(handle: Handle): RawHandle {
  const { raw } = handle;
  if (!(handle instanceof Handle)) platform().checkBorrowed(raw);
  return raw;
}

/** What the value is in another copy of this library. */
function kindElsewhere(value: unknown): "owned" | "borrowed" | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const kind = (value as { readonly [KIND]?: unknown })[KIND];
  return kind === "owned" || kind === "borrowed" ? kind : undefined;
}

/**
 * A handle that other code owns and closes. {@linkcode borrow} and {@linkcode OwnedHandle.borrow} make
 * one.
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
  static {
    borrowedHandle = (source) => new BorrowedHandle(source);
    Object.defineProperty(Handle.prototype, KIND, { value: "borrowed" });
  }

  readonly #source: RawHandle | OwnedHandle;

  private constructor(source: RawHandle | OwnedHandle) {
    super();
    if (!(source instanceof OwnedHandle)) platform().checkBorrowed(source);
    this.#source = source;
  }

  /** The raw handle, as {@linkcode Handle.raw}. */
  override get raw(): RawHandle {
    return typeof this.#source === "number" ? this.#source : this.#source.raw;
  }

  /** Whether the owner closed it, where the owner is known. */
  override get closed(): boolean {
    return typeof this.#source !== "number" && this.#source.closed;
  }
}

/**
 * A handle with the duty to close it, once. With `using` it is closed at the end of the block.
 *
 * Nothing else closes it: an owner that is forgotten keeps its object alive until the process ends.
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
  static {
    ownedHandle = (raw) => new OwnedHandle(raw);
    Object.defineProperty(OwnedHandle.prototype, KIND, { value: "owned" });
    releaseForBatch = (owner) => {
      observer?.onReleaseForBatch(owner);
      return owner.#release();
    };
    closeReleased = (owner) => owner.#close();
    forget = (owner) => {
      if (#closed in owner) owner.#closed = true;
    };
  }

  readonly #raw: RawHandle;
  #closed: boolean;

  /** Use {@linkcode OwnedHandle.fromRaw} or {@linkcode duplicate}. */
  protected constructor(raw: RawHandle) {
    super();
    this.#raw = raw;
    this.#closed = false;
    observer?.onCreate(this, raw);
  }

  /**
   * Takes over the duty to close a raw handle, which no other code closes from then on.
   *
   * The number is a descriptor on POSIX and a `HANDLE` on Windows. A descriptor that the runtime opened
   * belongs to the runtime: duplicate it instead, or give it to {@linkcode OwnedHandle.fromFd}.
   *
   * @param raw the raw handle: a descriptor on POSIX, a `HANDLE` on Windows
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
   * twice. The runtime closes its descriptor itself. On POSIX that ends the record locks that this process
   * has on the file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * Give it the `FileHandle` itself and not the number of one: when a `FileHandle` is collected that
   * nobody has closed, the runtime closes its number once more, which can be another file's by then. Such
   * an object is closed by its own `close()`, a `FileHandle` in the background: an error of that is a
   * warning of the process.
   *
   * @param source a descriptor of the running runtime, or an object with an `fd` and a `close()`; it is
   * consumed, whatever the outcome
   * @returns the owner of the new handle, which the caller closes
   * @throws {HandleError} `EBADF` when the runtime has no such descriptor; `EMFILE`; `ENOTSUP` in
   * Deno for Windows for a descriptor above 2
   * @throws {TypeError} when `source` is neither an integer from 0 to 2^31 − 1 nor an object with an `fd`
   * and a `close()`, or is a standard stream; nothing was done
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
  static fromFd(source: number | HasFd): OwnedHandle {
    if (typeof source === "number") checkFd(source);
    if (isHandle(source)) {
      throw new TypeError("Cannot take a Handle out of the runtime: it is not the runtime's");
    }
    const close = closeMethodOf(source); // before its fd: a getter may close it
    const fd = fdOf(source);
    if (typeof source !== "number" && fd <= LAST_STANDARD_FD) {
      throw new TypeError(
        `Cannot take fd ${fd} out of the runtime: its streams go on using it; use duplicate(${fd})`,
      );
    }
    return ownedHandle(
      consume(
        new RuntimeSource(fd, source, close),
        () => platform().duplicate(platform().rawOfFd(fd), false, undefined),
      ),
    );
  }

  /** The raw handle, as {@linkcode Handle.raw}. */
  override get raw(): RawHandle {
    observer?.onUse(this, "raw");
    if (this.#closed) throw closedError(this.#raw);
    return this.#raw;
  }

  /** Whether the handle is closed or was released. */
  override get closed(): boolean {
    observer?.onReadClosed(this);
    return this.#closed;
  }

  /**
   * The same handle for code that must not close it. It ends with this owner.
   *
   * @returns the borrowed handle, which is not to be closed
   * @throws {HandleError} `EBADF` when it is closed or was released
   */
  borrow(): BorrowedHandle {
    observer?.onUse(this, "borrow");
    if (this.#closed) throw closedError(this.#raw);
    return borrowedHandle(this);
  }

  /**
   * Gives up the duty to close: the caller has it now. This object can no longer be used.
   *
   * @returns the raw handle: a descriptor on POSIX, a `HANDLE` on Windows
   * @throws {HandleError} `EBADF` when it is closed or was released before
   */
  release(): RawHandle {
    observer?.onRelease(this);
    return this.#release();
  }

  /** Ends this owner, without a report. */
  #release(): RawHandle {
    if (this.#closed) throw closedError(this.#raw);
    this.#closed = true;
    return this.#raw;
  }

  /**
   * Closes the handle. A second call does nothing.
   *
   * On POSIX it ends all record locks that this process has on the file, whichever descriptor they were
   * set through, also when this handle is a duplicate:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * @throws {HandleError} `EBADF` when other code closed our handle: two owners have the same one, and
   * each should have had a duplicate. `EIO`, `ENOSPC`, `EDQUOT` when written data may be lost; the
   * handle is closed then. On Windows `EPERM` when it has `HANDLE_FLAG_PROTECT_FROM_CLOSE`: it stays
   * open, and so does this object, until it is closed after the protection has ended
   */
  close(): void {
    if (observer?.onClose(this) === false) return;
    if (this.#closed) return;
    this.#closed = true;
    this.#close();
  }

  /** Closes the handle. A close that the system refuses has changed nothing, so the owner stays open. */
  #close(): void {
    try {
      this.closeRaw(this.#raw);
    } catch (error) {
      if (isCloseRefused(error)) {
        this.#closed = false;
        observer?.onCloseRefused(this);
      }
      throw error;
    }
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
   * This object is consumed, whatever the outcome. Node and Bun get the number itself. Deno, and Node in a
   * worker thread, opens `/dev/null`, which needs `--allow-read=/dev/null` in Deno, and our object takes its
   * place: there the number of this object is closed, which ends the record locks that this process has on the file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * @returns a descriptor that the runtime's `node:fs` accepts and closes
   * @throws {HandleError} `EBADF` when it is closed; `EMFILE`; `EACCES` when the runtime may not
   * open the placeholder; `ENOTSUP` in Deno for Windows; on Windows `EPERM` when it is protected from
   * closing, and then this object stays open
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
    const { raw, inheritable } = this.#releaseForAdopter();
    return adopter().toFd(raw, inheritable);
  }

  /**
   * Makes the runtime own the handle, as its own `fs/promises` `FileHandle`, with streams,
   * `readLines` and disposal. In Deno for Windows it is an object with the same methods.
   *
   * This object is consumed, whatever the outcome.
   *
   * In Deno the number of this object is closed, which ends the record locks that this process has on the
   * file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
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
    const { raw, inheritable } = this.#releaseForAdopter();
    return await adopter().toFileHandle(raw, inheritable);
  }

  /** Gives up the duty to close. The adopter takes it, whatever the outcome. */
  #releaseForAdopter(): { raw: RawHandle; inheritable: boolean } {
    // The runtime could not close it either.
    if (!this.#closed) platform().refuseProtected(this.#raw);
    const raw = this.release();
    try {
      return { raw, inheritable: platform().isInheritable(raw) };
    } catch (error) {
      // What is not open is not ours, and its number can be another object's in the next moment.
      if (!hasCode(error, "EBADF")) closeQuietly(() => this.closeRaw(raw));
      throw error;
    }
  }

  /** Closes the handle, at the end of a `using` block. */
  [Symbol.dispose](): void {
    if (observer?.onDispose(this) !== false) this.close();
  }

  /** Closes the handle, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    // A failing close must reject and not throw.
    return new Promise((resolve) => {
      if (observer?.onDispose(this) !== false) this.close();
      resolve();
    });
  }
}

function closedError(raw: RawHandle): Error {
  return failure("EBADF", "close", {
    message: `Cannot use handle ${raw}: it was closed or released here; duplicate it before that`,
    handle: raw,
  });
}
