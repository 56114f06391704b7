/** What the kernel knows of a handle: NtQueryObject. */
import { scratch } from "../backend/scratch.ts";
import { checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { ntdll } from "./libraries.ts";

/** The class of information that {@linkcode ObjectBasicInformation} describes. */
const BASIC_INFORMATION = 0;
const BASIC_INFORMATION_SIZE = 56;

/** The part of `PUBLIC_OBJECT_BASIC_INFORMATION` that is documented. */
export interface ObjectBasicInformation {
  /** `OBJ_INHERIT` (2) and others. */
  readonly Attributes: number;
  /** The rights of this handle. */
  readonly GrantedAccess: number;
  /** How many handles refer to the object, in all processes. */
  readonly HandleCount: number;
  /** How many references the object has, handles included. */
  readonly PointerCount: number;
}

/**
 * `NtQueryObject(Handle, ObjectBasicInformation, …)` — the rights of a handle and how many handles
 * its object has.
 *
 * @param Handle the handle to ask about
 * @returns what the kernel knows
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntqueryobject
 *
 * @example
 * ```ts
 * import { CloseHandle, CreatePipe, NtQueryObject } from "duphandle/win32";
 *
 * const [reader, writer] = CreatePipe();
 * console.log(NtQueryObject(reader).HandleCount); // 1
 * CloseHandle(reader);
 * CloseHandle(writer);
 * ```
 */
export function NtQueryObject(Handle: number): ObjectBasicInformation {
  checkHandle(Handle, "Handle");
  const { address, data } = scratch();
  const { NtQueryObject, RtlNtStatusToDosError } = ntdll();
  const status = NtQueryObject(Handle, BASIC_INFORMATION, address, BASIC_INFORMATION_SIZE, 0);
  if (status < 0) throw win32Error(RtlNtStatusToDosError(status), "NtQueryObject", Handle);
  return {
    Attributes: data.getUint32(0, true),
    GrantedAccess: data.getUint32(4, true),
    HandleCount: data.getUint32(8, true),
    PointerCount: data.getUint32(12, true),
  };
}
