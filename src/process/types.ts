/** The interface to the handles of other processes, in terms of raw handles, and its errors. */
import { failureByCode, HandleError } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** A process as an argument of a system call. */
export interface ProcessReference {
  /** A handle of the process: a pidfd on Linux; on Windows −1 for this process. */
  readonly raw: RawHandle;
  /** The pid, where it is known. */
  readonly pid: number | undefined;
}

/** The flags of a handle, which each handle has for itself. */
export interface Attributes {
  /** Whether child processes inherit it. */
  readonly inheritable: boolean;
  /** Whether it is protected from closing, which only Windows knows. */
  readonly isProtected: boolean;
}

/** The operations on other processes. One implementation per system. */
export interface ProcessPlatform {
  /** A handle of the process that has this pid now, and never of a later one with that pid. */
  open(pid: number): RawHandle;
  /** A handle of this process: a pidfd on Linux, the pseudo-handle −1 on Windows. */
  current(): RawHandle;
  /** Throws a `TypeError` unless the number could be a handle of a process. */
  checkProcess(raw: RawHandle): void;
  /** The pid of the process that a handle refers to; `undefined` where it is not known. */
  pidOf(raw: RawHandle): number | undefined;
  /** Throws where a process cannot be given a handle. */
  checkGive(raw: RawHandle, to: ProcessReference): void;
  /** A new handle of ours, with the same access, to the object of a handle of another process. */
  take(
    raw: RawHandle,
    from: ProcessReference,
    inheritable: boolean,
    closeSource: boolean,
  ): RawHandle;
  /** A new handle of another process, with the same access, to the object of a handle of ours. */
  give(raw: RawHandle, to: ProcessReference, inheritable: boolean): RawHandle;
  /** The flags of a handle of a process, this one or another. */
  attributesOf(raw: RawHandle, process: ProcessReference): Attributes;
  /** Protects a new handle of ours from closing; closes it when that fails. */
  protect(raw: RawHandle): RawHandle;
  /** As `give`, with a handle that is to be protected from closing. Closes the temporary handle. */
  giveProtected(temporary: RawHandle, to: ProcessReference, inheritable: boolean): RawHandle;
  /** Closes a handle of another process. */
  closeIn(process: ProcessReference, raw: RawHandle): void;
  /** Lets a process take handles of this one; −1 is any process. */
  allowTake(pid: number): void;
}

/** Whether the reference is to this process. */
export function isSelf(process: ProcessReference): boolean {
  return process.raw === -1 || process.pid === pid();
}

/** The process as text for a message. */
export function showProcess(process: ProcessReference): string {
  return process.pid === undefined ? `process (handle ${process.raw})` : `process ${process.pid}`;
}

/** The error for a process that has ended, made from the error that the system reported. */
export function processEnded(process: ProcessReference, cause: HandleError): HandleError {
  const { code, status } = failureByCode("ESRCH");
  const { native, syscall, handle } = cause;
  return new HandleError(
    `Cannot ${syscall}: ${showProcess(process)} has ended, and its handles with it (${code}, ` +
      `${status}, ${native}); take what is needed while it runs`,
    { code, status, native, syscall, handle, cause },
  );
}
