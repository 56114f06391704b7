/** What the verbs on other processes need of a system, in terms of raw handles. */
import { failureByCode, HandleError } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** A process as a system function wants it. */
export interface ProcessReference {
  /** A handle of the process: a pidfd on Linux; on Windows −1 for this process. */
  readonly raw: RawHandle;
  /** The pid, where it is known. */
  readonly pid: number | undefined;
}

/** What the verbs on other processes need. One implementation per system. */
export interface ProcessPlatform {
  /** A handle of a process that is there now, whoever gets its pid later. */
  open(pid: number): RawHandle;
  /** What stands for this process: −1 on Windows, which nobody closes. */
  current(): RawHandle;
  /** Throws a `TypeError` unless the number could be a handle of a process. */
  checkProcess(raw: RawHandle): void;
  /** The pid of the process that a handle refers to, where it can be told. */
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
  /** Closes a handle of another process. */
  closeIn(process: ProcessReference, raw: RawHandle): void;
  /** Lets a process take handles of this one; −1 is any process. */
  allowTake(pid: number): void;
}

/** Whether it is this process. */
export function isSelf(process: ProcessReference): boolean {
  return process.raw === -1 || process.pid === pid();
}

/** The process in words. */
export function showProcess(process: ProcessReference): string {
  return process.pid === undefined ? `process (handle ${process.raw})` : `process ${process.pid}`;
}

/** The error for a process that has ended, from the error by which the system told it. */
export function ended(process: ProcessReference, cause: HandleError): HandleError {
  const { code, status } = failureByCode("ESRCH");
  const { native, syscall, handle } = cause;
  return new HandleError(
    `Cannot ${syscall}: ${showProcess(process)} has ended, and its handles with it (${code}, ` +
      `${status}, ${native}); take what is needed while it runs`,
    { code, status, native, syscall, handle, cause },
  );
}
