/** DuplicateHandle with all that it can do, on Windows and, as far as the kernel can, on Linux. */
import { checkBoolean, checkInteger, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import {
  DUPLICATE_CLOSE_SOURCE as CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS as SAME_ACCESS,
  DUPLICATE_SAME_ATTRIBUTES as SAME_ATTRIBUTES,
} from "../../ffi/win32/constants.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { type Handle, isHandle, isOwnedHandle, rawOfHandle } from "../handle/handle.ts";
import { checkKeys, type ResolvedOptions } from "../handle/options.ts";
import { platform } from "../handle/platform.ts";
import { consume, type Owner } from "../util/late_close.ts";
import { processes } from "./platform.ts";
import { type ForeignHandle, foreignRaw, isForeignHandle, ProcessHandle } from "./process.ts";
import { closeIn, transfer } from "./transfer.ts";
import { isSelf, type ProcessReference } from "./types.ts";

/**
 * {@linkcode duplicateHandle}: close the source, also when the call fails. On Windows a source that is
 * protected from closing stays open.
 */
export const DUPLICATE_CLOSE_SOURCE = 1;
/** {@linkcode duplicateHandle}: the access of the source; the desired access is ignored. */
export const DUPLICATE_SAME_ACCESS = 2;
/**
 * {@linkcode duplicateHandle}: the flags of the source, whatever `inheritHandle` is: whether children
 * inherit the handle and, on Windows, whether it is protected from closing.
 */
export const DUPLICATE_SAME_ATTRIBUTES = 4;

/** The arguments of {@linkcode duplicateHandle}, by the names of the Win32 call. */
export interface DuplicateHandleArguments {
  /** The process that has the source; a number is a raw handle of a process, and not a pid. */
  readonly sourceProcess: ProcessHandle | Handle | RawHandle;
  /**
   * The handle to duplicate: a raw handle of the source process, a `Handle` when this process is
   * the source process, or a `ForeignHandle` of the source process. A number is a descriptor on
   * POSIX; on Windows it is a `HANDLE`, and not an fd.
   */
  readonly sourceHandle: RawHandle | Handle | ForeignHandle;
  /**
   * The process that gets the new handle; a number is a raw handle of a process, and not a pid.
   * `null` for none, with `DUPLICATE_CLOSE_SOURCE`.
   */
  readonly targetProcess: ProcessHandle | Handle | RawHandle | null;
  /** The access mask of the new handle; ignored with `DUPLICATE_SAME_ACCESS`. */
  readonly desiredAccess?: number | undefined;
  /**
   * Whether the children of the target process inherit the new handle; ignored with
   * `DUPLICATE_SAME_ATTRIBUTES`. Default `false`.
   */
  readonly inheritHandle?: boolean | undefined;
  /**
   * `DUPLICATE_CLOSE_SOURCE`, `DUPLICATE_SAME_ACCESS`, `DUPLICATE_SAME_ATTRIBUTES`, any of them together,
   * or 0. Default `DUPLICATE_SAME_ACCESS` without a `desiredAccess`, and 0 with one.
   */
  readonly options?: number | undefined;
}

const keys: readonly string[] = [
  "sourceProcess",
  "sourceHandle",
  "targetProcess",
  "desiredAccess",
  "inheritHandle",
  "options",
];

/**
 * `DuplicateHandle` with three processes: the one that has the source, the one that gets the new
 * handle, and this one, which may be neither. It keeps the rules of the Win32 call:
 *
 * - with `DUPLICATE_CLOSE_SOURCE` the source is closed whatever the outcome, unless the arguments
 *   themselves are refused; with a `null` target process nothing else is done;
 * - a source that is protected from closing (`HANDLE_FLAG_PROTECT_FROM_CLOSE`) stays open, and the new
 *   handle is returned; with a `null` target process that is `EPERM`, where the Win32 call claims success;
 * - with `DUPLICATE_SAME_ATTRIBUTES` the new handle is inheritable and protected from closing as the source
 *   is; the kernel's page (ZwDuplicateObject) names this option, that of the Win32 call does not;
 * - the new handle never has access that the source lacks;
 * - the number −1 is refused as a source: use {@linkcode currentProcess} for this process;
 * - I/O completion ports and sockets are refused, since their duplicates do not work.
 *
 * On Linux the source may be in any process whose handles this one may take
 * ({@linkcode ProcessHandle.take}). The target must be this process, and only handles of this
 * process can be closed; anything else is `ENOTSUP`.
 *
 * @param args the source, the two processes, and the options
 * @returns the new raw handle, which is valid in the target process and which the target process
 * closes; 0 without a target
 * @throws {HandleError} `EBADF`, `EACCES`, `EPERM`, `ESRCH`, `EMFILE`, `ENOTSUP`; `EINVAL` with
 * neither a target nor `DUPLICATE_CLOSE_SOURCE`
 * @throws {TypeError} when an argument is not of its kind
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 * @see https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwduplicateobject
 *
 * @example
 * ```ts
 * import { currentProcess, duplicate, duplicateHandle, OwnedHandle } from "duphandle";
 *
 * using me = currentProcess();
 * using source = duplicate(1);
 * const raw = duplicateHandle({ sourceProcess: me, sourceHandle: source, targetProcess: me });
 * OwnedHandle.fromRaw(raw).close();
 * ```
 */
export function duplicateHandle(args: DuplicateHandleArguments): RawHandle {
  checkKeys(args, keys);
  const { sourceProcess, sourceHandle, targetProcess, desiredAccess, inheritHandle = false } = args;
  const { options = desiredAccess === undefined ? SAME_ACCESS : 0 } = args;
  checkInteger(options, "options", 0, CLOSE_SOURCE | SAME_ACCESS | SAME_ATTRIBUTES);
  checkBoolean(inheritHandle, "inheritHandle");
  if (desiredAccess !== undefined) {
    checkInteger(desiredAccess, "desiredAccess", -0x8000_0000, 0xffff_ffff);
  }
  const from = processReference(sourceProcess, "sourceProcess");
  const to = targetProcess === null ? null : processReference(targetProcess, "targetProcess");
  const raw = sourceRaw(sourceHandle, from);
  const closeSource = (options & CLOSE_SOURCE) !== 0;
  if (to === null) return closeOnly(raw, from, closeSource, sourceHandle);
  const choices: ResolvedOptions = {
    inheritable: inheritHandle,
    access: (options & SAME_ACCESS) !== 0 ? "same" : desiredAccess ?? 0,
    closeSource,
    minimum: undefined,
  };
  const make = () => {
    if ((options & SAME_ATTRIBUTES) === 0) return transfer(raw, from, to, choices);
    const { inheritable, isProtected } = processes().attributesOf(raw, from);
    return transfer(raw, from, to, { ...choices, inheritable }, isProtected);
  };
  if (!closeSource || !isSelf(from)) return make();
  return consume(ownerOfSource(sourceHandle, raw), make);
}

function closeOnly(
  raw: RawHandle,
  from: ProcessReference,
  closeSource: boolean,
  source: DuplicateHandleArguments["sourceHandle"],
): 0 {
  if (!closeSource) {
    throw failure("EINVAL", "DuplicateHandle", {
      message:
        "Cannot duplicate without a targetProcess: pass one, or DUPLICATE_CLOSE_SOURCE to close " +
        "the source only",
      handle: raw,
    });
  }
  if (isSelf(from)) ownerOfSource(source, raw).close();
  else closeIn(from, raw);
  return 0;
}

/** The owner of a source of this process: its object, or for a number the system's close. */
function ownerOfSource(source: DuplicateHandleArguments["sourceHandle"], raw: RawHandle): Owner {
  if (isOwnedHandle(source)) return source;
  if (isHandle(source)) {
    throw new TypeError(
      "Cannot close a borrowed source: only its owner may; leave out DUPLICATE_CLOSE_SOURCE",
    );
  }
  return { close: () => platform().close(raw) };
}

function sourceRaw(source: unknown, from: ProcessReference): RawHandle {
  if (isHandle(source)) {
    if (isSelf(from)) return rawOfHandle(source);
    throw new TypeError(
      "Cannot use a handle of this process as one of another: pass the number that it has there",
    );
  }
  if (isForeignHandle(source)) return foreignRaw(source, from.pid);
  if (isSelf(from)) platform().checkBorrowed(source as RawHandle);
  else platform().checkOwned(source as RawHandle);
  return source as RawHandle;
}

function processReference(process: unknown, name: string): ProcessReference {
  if (process instanceof ProcessHandle) return { raw: process.raw, pid: process.pid };
  const raw = isHandle(process) ? rawOfHandle(process) : process;
  if (typeof raw !== "number") {
    const none = name === "targetProcess" ? ", or null for none" : "";
    throw new TypeError(
      `Cannot use ${show(process)} as ${name}: it must be a ProcessHandle${none}`,
    );
  }
  processes().checkProcess(raw);
  return { raw, pid: processes().pidOf(raw) };
}
