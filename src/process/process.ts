/** Processes, and the operations on the handles of another process. */
import { checkInteger, MAX_FD, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { isOwnedHandle, OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { type DuplicateOptions, parseDuplicateOptions } from "../handle/options.ts";
import { platform } from "../handle/platform.ts";
import { requireOwner } from "../handle/raw.ts";
import { consume } from "../util/late_close.ts";
import { type HandleSource, knownSource } from "../handle/source.ts";
import { processes } from "./platform.ts";
import { closeIn, transfer } from "./transfer.ts";
import { isSelf, type ProcessReference } from "./types.ts";

/** This process, as the source or the target of a transfer. */
const self: ProcessReference = { raw: -1, pid: undefined };

/** Used in place of a raw handle for this process, so that a −1 of a failed call never means it. */
const THIS_PROCESS = Symbol("this process");

/** Says to another copy of this library what a {@linkcode ForeignHandle} is. */
const FOREIGN: unique symbol = /* @__PURE__ */ Symbol.for("duphandle.foreignHandle") as never;

/**
 * Makes a {@linkcode ProcessHandle}. Its constructor is private, and a static block that called it would
 * keep bundlers from removing the class.
 */
function processHandle(raw: RawHandle | typeof THIS_PROCESS, pid: number): ProcessHandle {
  return Reflect.construct(ProcessHandle, [raw, pid]) as ProcessHandle;
}

/**
 * A handle of a process. It refers to that process for good: a later process with the same pid is
 * never mistaken for it.
 *
 * It must be closed like every handle: on Linux it is a pidfd, on Windows a process handle. Make
 * one with {@linkcode openProcess} or {@linkcode currentProcess}.
 *
 * @see https://man7.org/linux/man-pages/man2/pidfd_open.2.html
 * @see https://learn.microsoft.com/windows/win32/procthread/process-handles-and-identifiers
 *
 * @example
 * ```ts
 * import { openProcess, type ProcessHandle } from "duphandle";
 *
 * using parent: ProcessHandle = openProcess(process.pid);
 * console.log(parent.pid === process.pid, parent.closed); // true false
 * ```
 */
export class ProcessHandle extends OwnedHandle {
  /** The process identifier. */
  readonly pid: number;

  private constructor(raw: RawHandle | typeof THIS_PROCESS, pid: number) {
    if (raw !== THIS_PROCESS) platform().checkOwned(raw);
    checkInteger(pid, "pid", 1, MAX_FD);
    super(raw === THIS_PROCESS ? processes().current() : raw);
    this.pid = pid;
  }

  /**
   * Makes a handle of this process to the object of a handle of that process, which keeps its own.
   *
   * On Linux this process needs the permission to debug that process (ptrace): a process of the
   * same user has it, unless Yama restricts it to ancestors ({@linkcode allowTake} permits others),
   * and so has a process with the capability `CAP_SYS_PTRACE`. Windows checks the permission when
   * the process is opened.
   *
   * On Linux, with `access` or `minimum` the result is made of the descriptor that was taken, and that one
   * is closed, which ends the record locks that this process has on the file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * @param raw the raw handle in that process: a descriptor on POSIX; on Windows a `HANDLE`, and
   * not an fd of its C runtime
   * @param options how the new handle is to differ; `closeSource` takes it away from that process,
   * on Windows (Linux: `ENOTSUP`)
   * @returns the new handle, which the caller closes
   * @throws {HandleError} `EBADF` when that process has no such handle, `EPERM` or `EACCES` without
   * the right, `ESRCH` when it has ended, `EMFILE`, `ENOTSUP`
   * @throws {TypeError} when an argument is not of its kind
   * @see https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html
   * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
   *
   * @example
   * ```ts
   * import { duplicate, openProcess } from "duphandle";
   *
   * using handle = duplicate(1); // in place of a handle of another process
   * using other = openProcess(process.pid);
   * using taken = other.take(handle.raw);
   * ```
   */
  take(raw: RawHandle | ForeignHandle, options: DuplicateOptions = {}): OwnedHandle {
    const choices = parseDuplicateOptions(options);
    const source = typeof raw === "number" ? raw : foreignRaw(raw, this.pid);
    platform().checkOwned(source);
    const make = () => transfer(source, this, self, choices);
    if (!choices.closeSource || !isSelf(this)) return ownedHandle(make());
    return ownedHandle(consume({ close: () => platform().close(source) }, make));
  }

  /**
   * Makes a handle of that process to the object of a handle of this process, on Windows. Its
   * number is a `HANDLE` that is valid in that process only; send it the number.
   *
   * On Linux no process can be given a descriptor without its help: `ENOTSUP`. Send it over a
   * channel, name it in `spawn`, or let that process {@linkcode ProcessHandle.take} it.
   *
   * @param source the handle to give; a number is an fd of this runtime, as for
   * {@linkcode duplicate}
   * @param options how the new handle is to differ; `inheritable` is about the children of that
   * process
   * @returns the handle in that process
   * @throws {HandleError} `EBADF`, `EACCES`, `ESRCH` when it has ended, `ENOTSUP`
   * @throws {TypeError} when an argument is not of its kind
   * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
   *
   * @example
   * ```ts
   * import { currentProcess } from "duphandle";
   *
   * using me = currentProcess();
   * const given = me.give(1); // in this example to this process itself
   * given.close();
   * ```
   */
  give(source: HandleSource, options: DuplicateOptions = {}): ForeignHandle {
    const choices = parseDuplicateOptions(options);
    const known = knownSource(source, choices.closeSource);
    const make = () => new ForeignHandle(this, transfer(known.raw, self, this, choices));
    return choices.closeSource ? consume(requireOwner(known), make) : make();
  }

  /**
   * Closes the handle of the process. The pseudo-handle −1 of Windows needs no close.
   *
   * @param raw the handle
   */
  protected override closeRaw(raw: RawHandle): void {
    if (raw !== -1) super.closeRaw(raw);
  }
}

/**
 * A handle of another process: its number is valid in that process only.
 *
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { duplicate, ForeignHandle, openProcess } from "duphandle";
 *
 * using theirs = duplicate(1); // in place of a handle of another process
 * using other = openProcess(process.pid);
 * const foreign = new ForeignHandle(other, theirs.raw);
 * using taken = other.take(foreign);
 * console.log(foreign.pid === process.pid, taken.raw !== foreign.raw); // true true
 * ```
 */
export class ForeignHandle implements Disposable {
  /** The process that has the handle. */
  readonly pid: number;
  /** The raw handle in that process: a descriptor on POSIX, a `HANDLE` on Windows. */
  readonly raw: RawHandle;
  readonly #process: ProcessHandle;
  #closed: boolean;

  /**
   * A handle that a process is known to have, because it sent its number. For a new handle use
   * {@linkcode ProcessHandle.give}.
   *
   * @param process the process that has the handle
   * @param raw the raw handle in that process: a descriptor on POSIX; on Windows a `HANDLE`, and
   * not an fd of its C runtime
   * @throws {TypeError} when an argument is not of its kind
   */
  constructor(process: ProcessHandle, raw: RawHandle) {
    if (!isProcessHandle(process)) {
      throw new TypeError(`Cannot use ${show(process)} as a process: it must be a ProcessHandle`);
    }
    platform().checkOwned(raw);
    this.pid = process.pid;
    this.raw = raw;
    this.#process = process;
    this.#closed = false;
    Object.defineProperty(this, FOREIGN, { value: true });
  }

  /**
   * Closes the handle in that process, from this process. A second call does nothing. The
   * {@linkcode ProcessHandle} must still be open.
   *
   * Close a handle only when that process is known not to use it. Linux cannot do this: `ENOTSUP`.
   *
   * @throws {HandleError} `EBADF` when it is closed already, `ESRCH` when the process has ended,
   * `ENOTSUP`
   * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
   */
  close(): void {
    if (this.#closed) return;
    closeIn(this.#process, this.raw);
    this.#closed = true;
  }

  /**
   * Closes the handle in that process, as {@linkcode ForeignHandle.close}, at the end of a `using`
   * block. Do not use `using` for a handle that the other process uses after the block.
   *
   * @throws {HandleError} as {@linkcode ForeignHandle.close}
   *
   * @example
   * ```ts
   * import { currentProcess } from "duphandle";
   *
   * using me = currentProcess();
   * {
   *   using given = me.give(1); // in this example to this process itself
   *   console.log(given.raw);
   * } // closed here
   * ```
   */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a process, so that its handles can be taken or given.
 *
 * @param pid the process identifier
 * @returns a handle of the process, which the caller closes
 * @throws {HandleError} `ESRCH` when there is no such process; on Windows `EACCES` when it does not
 * let this one duplicate its handles; `EMFILE`
 * @throws {TypeError} when `pid` is not an integer from 1 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/pidfd_open.2.html
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openprocess
 *
 * @example
 * ```ts
 * import { openProcess } from "duphandle";
 *
 * using parent = openProcess(process.ppid);
 * console.log(parent.pid);
 * ```
 */
export function openProcess(pid: number): ProcessHandle {
  checkInteger(pid, "pid", 1, MAX_FD);
  return processHandle(processes().open(pid), pid);
}

/**
 * A handle of this process. Its `duplicate` can be given to another process, which can then wait
 * for the end of this process or take handles of it.
 *
 * On Windows its number is −1, the pseudo-handle that means the calling process in every process.
 * As a source −1 is accepted only as this object, because a failed call returns −1 as well.
 *
 * @returns a handle of this process, which the caller closes
 * @throws {HandleError} `EMFILE`, and `ENOSYS` on Linux before 5.3
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getcurrentprocess
 *
 * @example
 * ```ts
 * import { currentProcess } from "duphandle";
 *
 * using me = currentProcess();
 * using real = me.duplicate({ inheritable: true }); // for a child
 * ```
 */
export function currentProcess(): ProcessHandle {
  return processHandle(THIS_PROCESS, ownPid());
}

/** Whether the value is a {@linkcode ForeignHandle}, of this copy of the library or of another one. */
export function isForeignHandle(value: unknown): value is ForeignHandle {
  return (value as { [FOREIGN]?: unknown } | null | undefined)?.[FOREIGN] === true;
}

/** The same of a {@linkcode ProcessHandle}, which alone of all owners has a pid. */
function isProcessHandle(value: unknown): value is ProcessHandle {
  return value instanceof ProcessHandle || (isOwnedHandle(value) && "pid" in value);
}

/** The raw handle of a {@linkcode ForeignHandle}, which must be of the process with this pid. */
export function foreignRaw(handle: ForeignHandle, pid: number | undefined): RawHandle {
  if (!isForeignHandle(handle)) {
    throw new TypeError(`Cannot use ${show(handle)} as a handle of another process`);
  }
  if (handle.pid === pid) {
    const { raw } = handle;
    platform().checkOwned(raw); // it may be of another copy of this library, or an imitation
    return raw;
  }
  throw failure("EBADF", "DuplicateHandle", {
    message: `Cannot use handle ${handle.raw} of process ${handle.pid} as one of process ${pid}: ` +
      "a raw handle is valid in its own process only",
    handle: handle.raw,
  });
}
