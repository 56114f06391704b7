/** Processes and what can be done with the handles of another one. */
import { checkInteger, MAX_FD, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { consume } from "../handle/raw.ts";
import { OwnedHandle } from "../handle/handle.ts";
import { type DuplicateOptions, parseDuplicateOptions } from "../handle/options.ts";
import { closeIn, transfer } from "./transfer.ts";
import { isSelf, type ProcessReference } from "./types.ts";
import { type HandleSource, ownerOf, rawOf } from "../handle/source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "../handle/platform.ts";
import { processes } from "./platform.ts";

/** This process, as one side of a copy. */
const self: ProcessReference = { raw: -1, pid: undefined };

/** In the place of a number: this process, which nobody but {@linkcode currentProcess} can mean. */
const current = {} as unknown as RawHandle;

/**
 * A process. It stays that process: one that gets the same pid later is never mistaken for it.
 *
 * It is a handle itself, to be closed: a pidfd on Linux, a process handle on Windows. Make one with
 * {@linkcode openProcess} or {@linkcode currentProcess}.
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

  /**
   * Use {@linkcode openProcess} or {@linkcode currentProcess}.
   *
   * @param raw a handle of the process, which this object closes; −1 is what a failed call returns
   * @param pid the identifier of the same process
   * @throws {TypeError} when one of them is not of its kind
   */
  constructor(raw: RawHandle, pid: number) {
    if (raw !== current) platform().checkOwned(raw);
    checkInteger(pid, "pid", 1, MAX_FD);
    super(raw === current ? processes().current() : raw);
    this.pid = pid;
  }

  /**
   * Makes a handle of this process to the object of a handle of that process, which keeps its own.
   *
   * On Linux it needs the permission to debug that process (ptrace): a process of the same user
   * has it, unless Yama restricts it to ancestors ({@linkcode allowTake} widens it), or the
   * capability `CAP_SYS_PTRACE`. Windows asks for it when the process is opened.
   *
   * @param raw the number of the handle in that process: a descriptor on POSIX, a `HANDLE` on
   * Windows
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
   * using handle = duplicate(1); // what another process would have
   * using other = openProcess(process.pid);
   * using taken = other.take(handle.raw);
   * ```
   */
  take(raw: RawHandle | ForeignHandle, options: DuplicateOptions = {}): OwnedHandle {
    const source = typeof raw === "number" ? raw : foreignRaw(raw, this.pid);
    platform().checkOwned(source);
    const choices = parseDuplicateOptions(options);
    const make = () => transfer(source, this, self, choices);
    const { close } = platform();
    if (!choices.closeSource || !isSelf(this)) return OwnedHandle.fromRaw(make());
    return OwnedHandle.fromRaw(consume({ close: () => close(source) }, make, close));
  }

  /**
   * Makes a handle of that process to the object of a handle of ours, on Windows. The number means
   * something to that process only, which must be told of it.
   *
   * On Linux no process can be given a descriptor without its help: `ENOTSUP`. Send it over a
   * channel, name it in `spawn`, or let that process {@linkcode ProcessHandle.take} it.
   *
   * @param source what to give
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
   * const given = me.give(1); // to ourselves, for once
   * given.close();
   * ```
   */
  give(source: HandleSource, options: DuplicateOptions = {}): ForeignHandle {
    const choices = parseDuplicateOptions(options);
    const make = () => new ForeignHandle(this, transfer(rawOf(source), self, this, choices));
    if (!choices.closeSource) return make();
    return consume(ownerOf(source), make, (given) => given.close());
  }

  /**
   * Closes our handle of the process; what stands for this process on Windows is nobody's.
   *
   * @param raw the handle
   */
  protected override closeRaw(raw: RawHandle): void {
    if (raw !== -1) super.closeRaw(raw);
  }
}

/**
 * A handle of another process: its number means nothing in this one.
 *
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { duplicate, ForeignHandle, openProcess } from "duphandle";
 *
 * using theirs = duplicate(1); // what another process would have
 * using other = openProcess(process.pid);
 * const foreign = new ForeignHandle(other, theirs.raw);
 * using taken = other.take(foreign);
 * console.log(foreign.pid === process.pid, taken.raw !== foreign.raw); // true true
 * ```
 */
export class ForeignHandle implements Disposable {
  /** The process that has the handle. */
  readonly pid: number;
  /** The number of the handle in that process. */
  readonly raw: RawHandle;
  readonly #process: ProcessHandle;
  #closed: boolean;

  /** Use {@linkcode ProcessHandle.give}; or name a handle that is known to be there. */
  constructor(process: ProcessHandle, raw: RawHandle) {
    if (!(process instanceof ProcessHandle)) {
      throw new TypeError(`Cannot use ${show(process)} as a process: it must be a ProcessHandle`);
    }
    platform().checkOwned(raw);
    this.pid = process.pid;
    this.raw = raw;
    this.#process = process;
    this.#closed = false;
  }

  /**
   * Closes the handle in that process, from here: that process finds it gone. A second call does
   * nothing. The {@linkcode ProcessHandle} must still be open.
   *
   * Only who knows that the other process does not use the handle should do this. Linux cannot:
   * `ENOTSUP`.
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
   * block. It is for a handle that lives no longer than the block: one that the other process goes
   * on using has no `using`.
   *
   * @throws {HandleError} as {@linkcode ForeignHandle.close}
   *
   * @example
   * ```ts
   * import { currentProcess } from "duphandle";
   *
   * using me = currentProcess();
   * {
   *   using given = me.give(1); // to ourselves, for once
   *   console.log(given.raw);
   * } // it is closed here
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
  return new ProcessHandle(processes().open(pid), pid);
}

/**
 * This process. Its `duplicate` is a real handle that another process may be given, to wait for our
 * end or to take handles of ours.
 *
 * On Windows its number is −1, which means this process to everybody who uses it; as a source it is
 * accepted only in this form, since a bare −1 is what a failed call returns.
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
  return new ProcessHandle(current, ownPid());
}

/**
 * Lets another process take handles of this one, on Linux under Yama. Each call replaces the last.
 *
 * Without Yama, and on Windows, any process of the same user may do so anyway: then it does
 * nothing.
 *
 * @param pid the process that may, and its descendants; `"any"` for every process of this user
 * @throws {HandleError} `ESRCH` when there is no such process; `ENOTSUP` on macOS
 * @throws {TypeError} when `pid` is neither
 * @see https://man7.org/linux/man-pages/man2/PR_SET_PTRACER.2const.html
 *
 * @example
 * ```ts
 * import { allowTake } from "duphandle";
 *
 * allowTake(process.ppid);
 * ```
 */
export function allowTake(pid: number | "any"): void {
  if (pid !== "any") checkInteger(pid, "pid", 1, MAX_FD);
  processes().allowTake(pid === "any" ? -1 : pid);
}

/** The number of a handle of that process. */
export function foreignRaw(handle: ForeignHandle, pid: number | undefined): RawHandle {
  if (!(handle instanceof ForeignHandle)) {
    throw new TypeError(`Cannot use ${show(handle)} as a handle of another process`);
  }
  if (handle.pid === pid) return handle.raw;
  throw failure("EBADF", "DuplicateHandle", {
    message: `Cannot use handle ${handle.raw} of process ${handle.pid} as one of process ${pid}: ` +
      "a number means something in its own process only",
    handle: handle.raw,
  });
}
