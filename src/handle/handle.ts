/** Handles as objects: an owner closes its handle, exactly once; a borrower does not close it. */
// Longer than 300 lines: the three classes refer to each other, so modules of their own would import
// each other in a circle.
import type { Socket as DatagramSocket } from "node:dgram";
import type { FileHandle } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { checkBoolean, checkFd, showWithClass } from "../../ffi/check.ts";
import { failure, hasCode, isCloseRefused } from "../../ffi/error.ts";
import { closeQuietly, consume } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { observer } from "./hooks.ts";
import {
  type DuplicateOptions,
  parseDuplicateOptions,
  parseToFileOptions,
  parseToSocketOptions,
} from "./options.ts";
import { adopter, platform, streams } from "./platform.ts";
import { duplicateKnown } from "./raw.ts";
import type { NetworkSource } from "./network_source.ts";
import {
  closeMethodOf,
  fdOf,
  type HasFd,
  LAST_STANDARD_FD,
  rawBehind,
  RuntimeSource,
} from "./runtime_source.ts";
import type { FileMethod, StreamMethod, ToFileOptions, ToSocketOptions } from "./types.ts";

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
   * A server, a socket or a stream of the runtime is taken as {@linkcode duplicate} takes it with `closeSource`: a
   * connection does not end.
   *
   * @param source a descriptor of the running runtime, an object with an `fd` and a `close()`, or a server, a
   * socket or a stream; it is consumed, whatever the outcome
   * @returns the owner of the new handle, which the caller closes
   * @throws {HandleError} `EBADF` when the runtime has no such descriptor; `EMFILE`; `ENOTSUP` in
   * Deno for Windows for a descriptor above 2 that is no file on a disk or cannot be told from another, and for
   * a server, a socket or a stream where {@linkcode duplicate} refuses it, and nothing was done
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
  static fromFd(source: number | HasFd | NetworkSource): OwnedHandle {
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
        () => platform().duplicate(rawBehind(source, fd), false, undefined),
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
   * It is for files. A pipe, a socket or a terminal is refused, and this object stays open: the runtime reads
   * from it in a thread of its pool, which waits until there is data. Few of them are enough to stop all of
   * `node:fs`, and one keeps Node from ending. Use {@linkcode OwnedHandle.toReadable},
   * {@linkcode OwnedHandle.toWritable}, {@linkcode OwnedHandle.toSocket} or
   * {@linkcode OwnedHandle.toDatagram}; or the option `mayBlock`, for `fs.readSync` and `fs.writeSync`.
   *
   * Otherwise this object is consumed, whatever the outcome. Node and Bun get the number itself. Deno, and Node in a
   * worker thread, opens `/dev/null`, which needs `--allow-read=/dev/null` in Deno (on Windows `ntdll.dll` of the
   * system), and our object takes its place: there the number of this object is closed, which ends the record locks that this process has on the file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * @param options whether the handle may be one that makes the runtime wait
   * @returns a descriptor that the runtime's `node:fs` accepts and closes
   * @throws {HandleError} `EBADF` when it is closed; `EMFILE`; `EACCES` when the runtime may not
   * open the placeholder; in Deno for Windows `EBUSY` when other threads took the number of the placeholder each time
   * or an operation on it is under way, and `ENOTSUP` when it is no file, or one that was opened as overlapped; on Windows `EPERM` when it is protected from
   * closing, and then this object stays open; on POSIX `ENOTSUP` when it is a pipe, a socket or a terminal, and
   * then, too
   * @throws {TypeError} when an option is not of its kind; nothing was done
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
  toFd(options?: ToFileOptions): number {
    const { raw, inheritable } = this.#releaseForAdopter("toFd", options);
    return adopter().toFd(raw, inheritable);
  }

  /**
   * Makes the runtime own the handle, as its own `fs/promises` `FileHandle`, with streams,
   * `readLines` and disposal. In Deno for Windows it is an object with the same methods for what is no file on a disk, or
   * was opened as overlapped, and without the permission to read the placeholder.
   *
   * It is for files. A pipe, a socket or a terminal is refused as {@linkcode OwnedHandle.toFd} refuses it, and this
   * object stays open. Otherwise it is consumed, whatever the outcome.
   *
   * In Deno the number of this object is closed, which ends the record locks that this process has on the
   * file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * @param options whether the handle may be one that makes the runtime wait
   * @returns the file, which the caller closes
   * @throws {HandleError} as {@linkcode OwnedHandle.toFd}
   * @throws {TypeError} when an option is not of its kind; nothing was done
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
  async toFileHandle(options?: ToFileOptions): Promise<FileHandle> {
    const { raw, inheritable } = this.#releaseForAdopter("toFileHandle", options);
    return await adopter().toFileHandle(raw, inheritable);
  }

  /**
   * Makes the runtime own a connected stream socket, as its own `node:net` socket: TCP or Unix.
   *
   * This object is consumed. When the handle is of another kind, the error names the right method, and this
   * object stays open. The open file becomes non-blocking for all who share it: see
   * [sockets](https://github.com/duphandle/duphandle/blob/main/docs/sockets.md#non-blocking).
   *
   * @param options whether the socket may be half open
   * @returns the socket, which closes the handle when it is destroyed
   * @throws {HandleError} `ENOTSUP` when it is not a stream socket or listens, and in Bun for Windows;
   * `ENOTCONN` when it is not connected, or its peer has reset the connection; `EBADF` when it is closed
   * @throws {TypeError} when an option is not of its kind; nothing was done
   * @see https://man7.org/linux/man-pages/man7/socket.7.html
   *
   * @example
   * ```ts
   * import { OwnedHandle } from "duphandle";
   * import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM, socketpair } from "duphandle/posix";
   *
   * const [one, other] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
   *   .map((fd) => OwnedHandle.fromRaw(fd).toSocket());
   * one!.end("hello");
   * for await (const bytes of other!) console.log(`${bytes}`); // hello
   * ```
   */
  toSocket(options?: ToSocketOptions): Socket {
    const choices = parseToSocketOptions(options);
    return streams().toSocket(this.#releaseFor("toSocket"), choices);
  }

  /**
   * Makes a listening socket that of a server: a `net.Server`, `http.Server` or `https.Server`, which accepts
   * its connections. For `Deno.serve`, `Bun.serve` and their like there is `serveOn`.
   *
   * This object is consumed. When the handle is of another kind, the error names the right method, and this
   * object stays open.
   *
   * Close the server after the promise is fulfilled. Until it listens, its `close()` has no effect, as that of any
   * server that does not run yet; after that, and before the promise is fulfilled, the promise is rejected.
   *
   * @param server a server that does not listen yet; without it a new `net.Server`
   * @returns the server, once it listens. It closes the handle when it is closed; the path of a Unix socket
   * stays
   * @throws {HandleError} `ENOTSUP` when it is not a listening socket, and where the runtime cannot serve it:
   * in Deno a Unix socket, any before Deno 2.8 and on Windows, in Node in a worker of `node:cluster`, in Bun for
   * macOS by a server of `node:http` or `node:https`; `EINVAL` when the server listens already or is about to,
   * and the handle stays open; `EBADF` when it is closed; `ECANCELED` when the server is closed as it begins to listen; the error of
   * the server when it fails to listen
   * @throws {TypeError} when `server` is not a server; nothing was done
   * @see https://man7.org/linux/man-pages/man2/listen.2.html
   *
   * @example
   * ```ts
   * import { inherited } from "duphandle";
   * import { createServer } from "node:http";
   *
   * const server = createServer((_, response) => void response.end("hello"));
   * const serve = () => inherited("http").toServer(server);
   * ```
   */
  async toServer<Kind extends Server = Server>(server?: Kind): Promise<Kind> {
    const target = checkServer(server);
    const raw = this.#releaseFor("toServer");
    if (target !== undefined) starting.add(target);
    try {
      return await streams().toServer(raw, target) as Kind;
    } finally {
      if (target !== undefined) starting.delete(target);
    }
  }

  /**
   * Makes the runtime own a handle that is read from as a stream: a pipe, a terminal, or a connected socket.
   * Waiting for data holds no thread of the runtime.
   *
   * This object is consumed. When the handle is of another kind, the error names the right method, and this
   * object stays open. The open file becomes non-blocking for all who share it, except that of a terminal, which
   * the stream opens again where it can: see
   * [sockets](https://github.com/duphandle/duphandle/blob/main/docs/sockets.md#non-blocking).
   *
   * In Node and Deno a terminal is a `tty.ReadStream`. In Bun it is a stream with `isTTY` and `setRawMode()`;
   * streams of Bun have no `ref()` and `unref()`, and keep the program running. Of a terminal's other end (a PTY master) the last read fails with
   * `EIO` when no program has the terminal open any more; in Node 20 the stream ends then.
   *
   * The stream reads ahead, up to its `highWaterMark`, from its first turn of the event loop on: what it has read,
   * no other owner of the pipe gets.
   *
   * Of a socket it is the receiving half: its end says nothing to the peer as long as a duplicate is open. To
   * read and write one connection use {@linkcode OwnedHandle.toSocket}.
   *
   * @returns the stream, which closes the handle when it has ended or is destroyed
   * @throws {HandleError} `ENOTSUP` when it is a file, a listener or a datagram socket, on Windows for
   * terminals, in Bun for Windows for all, and in Deno for Windows for all but sockets; `ENOTCONN` when it is a
   * socket that is not connected; `EACCES` when it is not open for reading; `EBADF` when it is closed
   * @see https://man7.org/linux/man-pages/man7/pipe.7.html
   *
   * @example
   * ```ts
   * import { OwnedHandle } from "duphandle";
   * import { close, O_CLOEXEC, pipe2, write } from "duphandle/posix";
   *
   * const [reader, writer] = pipe2(O_CLOEXEC);
   * write(writer, new TextEncoder().encode("hello"));
   * close(writer);
   * for await (const bytes of OwnedHandle.fromRaw(reader).toReadable()) console.log(`${bytes}`);
   * ```
   */
  toReadable(): Readable {
    return streams().toReadable(this.#releaseFor("toReadable"));
  }

  /**
   * Makes the runtime own a handle that is written to as a stream: a pipe, a terminal, or a connected socket.
   * Waiting for its reader holds no thread of the runtime, and does not stop the program, also not at a terminal.
   *
   * This object is consumed. When the handle is of another kind, the error names the right method, and this
   * object stays open. The open file becomes non-blocking for all who share it, except that of a terminal, which
   * the stream opens again where it can: see
   * [sockets](https://github.com/duphandle/duphandle/blob/main/docs/sockets.md#non-blocking).
   *
   * In Node a terminal is a `tty.WriteStream`. In Deno and Bun, whose own would stop the program, and of a
   * terminal's other end (a PTY master), it is a plain stream. In Bun what is full is tried again every few
   * milliseconds, and the stream has no `ref()` and `unref()`.
   *
   * Of a socket it is the sending half: `end()` tells the peer so, also when a duplicate is open (`shutdown`), and
   * then the handle is closed. A TCP connection that is closed with bytes that nobody has read is reset, and the
   * peer may lose what was sent last: to read and write one connection use {@linkcode OwnedHandle.toSocket}.
   *
   * @returns the stream, which closes the handle when it has finished or is destroyed
   * @throws {HandleError} `ENOTSUP` when it is a file, a listener or a datagram socket, on Windows for
   * terminals, in Bun for Windows for all, and in Deno for Windows for all but sockets; `ENOTCONN` when it is a
   * socket that is not connected; `EACCES` when it is not open for writing; `EBADF` when it is closed
   * @see https://man7.org/linux/man-pages/man7/pipe.7.html
   *
   * @example
   * ```ts
   * import { OwnedHandle } from "duphandle";
   * import { O_CLOEXEC, pipe2 } from "duphandle/posix";
   *
   * const [reader, writer] = pipe2(O_CLOEXEC).map((fd) => OwnedHandle.fromRaw(fd));
   * writer!.toWritable().end("hello");
   * for await (const bytes of reader!.toReadable()) console.log(`${bytes}`); // hello
   * ```
   */
  toWritable(): Writable {
    return streams().toWritable(this.#releaseFor("toWritable"));
  }

  /**
   * Makes the runtime own a datagram socket (UDP), as its own `node:dgram` socket.
   *
   * This object is consumed. When the handle is of another kind, the error names the right method, and this
   * object stays open. A socket that the kernel has connected stays so: `send()` takes no address then. (In Deno
   * `connect()` of `node:dgram` does not connect it in the kernel.)
   *
   * Deno cannot take a UDP socket. There another one is bound to a port of this machine, which needs
   * `--allow-net=127.0.0.1` or `--allow-net=[::1]`, and then ours takes its place; when that fails, the socket emits `error`.
   * No runtime has Unix datagram sockets: use `read` and `write` of `duphandle/posix`.
   *
   * @returns the socket, which emits `listening` once it receives, and closes the handle when it is closed
   * @throws {HandleError} `ENOTSUP` when it is not a UDP socket, and in Bun and Deno for Windows; `EBADF` when it is closed
   * @see https://man7.org/linux/man-pages/man7/udp.7.html
   *
   * @example
   * ```ts
   * import { inherited } from "duphandle";
   *
   * const echo = () => {
   *   const socket = inherited("udp").toDatagram();
   *   socket.on("message", (bytes, { address, port }) => socket.send(bytes, port, address));
   * };
   * ```
   */
  toDatagram(): DatagramSocket {
    return streams().toDatagram(this.#releaseFor("toDatagram"));
  }

  /** Gives up the duty to close, to what the method makes. A handle of another kind stays open. */
  #releaseFor(method: StreamMethod): RawHandle {
    streams().check(this.raw, method);
    return this.release();
  }

  /** Gives up the duty to close. The adopter takes it, whatever the outcome. */
  #releaseForAdopter(
    method: FileMethod,
    options: ToFileOptions | undefined,
  ): { raw: RawHandle; inheritable: boolean } {
    const mayBlock = parseToFileOptions(options);
    if (!this.#closed) {
      platform().refuseProtected(this.#raw); // the runtime could not close it either
      if (!mayBlock) streams().checkFile(this.#raw, method);
    }
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

/** The servers that are about to listen on a handle. */
const starting: WeakSet<Server> = /* @__PURE__ */ new WeakSet();

function checkServer(server: unknown): Server | undefined {
  if (server === undefined) return undefined;
  const made = (server ?? {}) as Partial<Record<keyof Server, unknown>>;
  // A framework's object has a method "listen" as well, and makes a server of its own.
  const methods = [made.listen, made.address, made.close, made.on, made.off];
  if (methods.every((method) => typeof method === "function")) {
    if (made.listening !== true && !starting.has(server as Server)) return server as Server;
    throw failure("EINVAL", "listen", {
      message:
        "Cannot make a handle a server's: the server listens already, or is about to; give one that does not",
    });
  }
  throw new TypeError(
    `Cannot use ${
      showWithClass(server)
    } as a server: it must be one of node:net, node:http or node:https`,
  );
}

function closedError(raw: RawHandle): Error {
  return failure("EBADF", "close", {
    message: `Cannot use handle ${raw}: it was closed or released here; duplicate it before that`,
    handle: raw,
  });
}
