/** The failing calls of Windows. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as win32 from "../../ffi/win32/mod.ts";
import { scratch } from "../../ffi/backend/scratch.ts";
import { kernel32, kernel32Files } from "../../ffi/win32/libraries.ts";
import { borrow, type Handle } from "../../mod.ts";
import { windowsHandles } from "../../test/support/windows_handles.ts";
import type { BareCall } from "./bare.ts";
import type { Fixture } from "./fixture.ts";
import { failing, type FailingCall, type Failure } from "./verify.ts";

/** winerror.h */
const NOT_FOUND: Failure = { native: 2, code: "ENOENT", status: "ERROR_FILE_NOT_FOUND" };
const NO_PATH: Failure = { native: 3, code: "ENOENT", status: "ERROR_PATH_NOT_FOUND" };
const DENIED: Failure = { native: 5, code: "EACCES", status: "ERROR_ACCESS_DENIED" };
const INVALID: Failure = { native: 6, code: "EBADF", status: "ERROR_INVALID_HANDLE" };
const SHARING: Failure = { native: 32, code: "EBUSY", status: "ERROR_SHARING_VIOLATION" };
const EXISTS: Failure = { native: 80, code: "EEXIST", status: "ERROR_FILE_EXISTS" };

/** `CreateFileW`: a new file only. */
const CREATE_NEW = 1;
/** `CreateFileW`: the file is deleted when its last handle closes. */
const FILE_FLAG_DELETE_ON_CLOSE = 0x0400_0000;
/** This process, as GetCurrentProcess returns it. */
const SELF = -1;

/**
 * The handles of a thread on Windows, and how each call fails on them.
 *
 * A closed handle's number is soon given to another one, so "closed" is a number above those that
 * a process with a few thousand handles has.
 */
export function win32Fixture(slot: number): Fixture {
  const path = join(tmpdir(), `duphandle-soak-${process.pid}-${slot}`);
  const file = open(path, win32.CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE);
  const closed = 0x003f_0000 + 0x100 * slot;
  return {
    calls: [
      ...handleCalls(file, closed),
      ...duplicateCalls(file, closed),
      ...fileCalls(path, file, closed),
    ],
    bare: bareCalls(file, closed),
    source: borrow(file),
    countHandles: () => windowsHandles().length,
    // The thread pools of the system and of the runtime come and go.
    countSlack: 32,
  };
}

/** Opens for reading, and shares nothing: neither writing nor a second open is allowed. */
function open(path: string, disposition: number, flags: number): number {
  return win32.CreateFileW(path, win32.GENERIC_READ, 0, null, disposition, flags, 0);
}

function handleCalls(file: number, closed: number): FailingCall[] {
  const { CloseHandle, GetHandleInformation, GetProcessId, GetStdHandle } = win32;
  const { NtQueryObject, SetHandleInformation } = win32;
  return [
    invalid("GetHandleInformation", closed, () => GetHandleInformation(closed)),
    invalid("SetHandleInformation", closed, () => SetHandleInformation(closed, 1, 0)),
    invalid("CloseHandle", closed, () => CloseHandle(closed)),
    invalid("GetProcessId", file, () => GetProcessId(file)),
    invalid("NtQueryObject", closed, () => NtQueryObject(closed)),
    invalid("GetStdHandle", undefined, () => GetStdHandle(5)),
  ];
}

function duplicateCalls(file: number, closed: number): FailingCall[] {
  const out: [number] = [0];
  const copy = (source: number, handle: number, target: number): number =>
    win32.DuplicateHandle(source, handle, target, out, 0, false, win32.DUPLICATE_SAME_ACCESS);
  const lost: Handle = borrow(closed);
  return [
    invalid("DuplicateHandle", closed, () => copy(SELF, closed, SELF)),
    invalid("DuplicateHandle", file, () => copy(SELF, file, closed)),
    invalid("DuplicateHandle", file, () => copy(closed, file, SELF)),
    // A file where a process should be.
    invalid("DuplicateHandle", file, () => copy(file, file, SELF)),
    invalid("DuplicateHandle", closed, () => lost.duplicate()),
  ];
}

function fileCalls(path: string, file: number, closed: number): FailingCall[] {
  const { FILE_CURRENT, OPEN_EXISTING, ReadFile, SetFilePointerEx, WriteFile } = win32;
  const bytes = new Uint8Array(1);
  return [
    invalid("ReadFile", closed, () => ReadFile(closed, bytes)),
    invalid("SetFilePointerEx", closed, () => SetFilePointerEx(closed, 0, FILE_CURRENT)),
    failing("WriteFile(read-only)", DENIED, "WriteFile", file, () => WriteFile(file, bytes)),
    opening("missing", NOT_FOUND, () => open(`${path}-missing`, OPEN_EXISTING, 0)),
    opening("missing folder", NO_PATH, () => open(`${path}-missing\\file`, OPEN_EXISTING, 0)),
    opening("folder", DENIED, () => open(tmpdir(), OPEN_EXISTING, 0)),
    opening("exclusive", SHARING, () => open(path, OPEN_EXISTING, 0)),
    opening("existing", EXISTS, () => open(path, CREATE_NEW, 0)),
  ];
}

function invalid(syscall: string, handle: number | undefined, run: () => unknown): FailingCall {
  return failing(`${syscall}(${handle})`, INVALID, syscall, handle, run);
}

function opening(what: string, failure: Failure, run: () => unknown): FailingCall {
  return failing(`CreateFileW(${what})`, failure, "CreateFileW", undefined, run);
}

/** A result of 32 bits, and a handle. */
function bareCalls(file: number, closed: number): BareCall[] {
  const { CloseHandle, GetLastError, GetStdHandle } = kernel32();
  const { WriteFile } = kernel32Files();
  const { address } = scratch();
  const writing = (): number => WriteFile(file, address, 0, address, 0);
  const number = (result: number): number => result === 0 || result === -1 ? GetLastError() : 0;
  return [
    { name: "CloseHandle", run: () => number(CloseHandle(closed)), expected: INVALID.native },
    { name: "WriteFile", run: () => number(writing()), expected: DENIED.native },
    { name: "GetStdHandle", run: () => number(GetStdHandle(5)), expected: INVALID.native },
  ];
}
