/** I/O completion ports: ioapiset.h. */
import { checkInteger, show } from "../check.ts";
import { scratch } from "../backend/scratch.ts";
import { kernel32CompletionPorts } from "./symbols/objects.ts";
import { checkDword, checkHandle } from "./check.ts";
import { INVALID_HANDLE_VALUE } from "./constants.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const ports: Library<typeof kernel32CompletionPorts> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32CompletionPorts,
);

/** A completion packet, the result of {@linkcode GetQueuedCompletionStatus}. */
export interface CompletionStatus {
  /** How many bytes were transferred, or the number that was posted. */
  readonly lpNumberOfBytesTransferred: number;
  /** The key of the file, or the number that was posted. */
  readonly lpCompletionKey: number;
  /** The address of the `OVERLAPPED` of the operation, or the number that was posted. */
  readonly lpOverlapped: number;
}

/**
 * `CreateIoCompletionPort(FileHandle, ExistingCompletionPort, CompletionKey,
 * NumberOfConcurrentThreads)` — makes an I/O completion port, or associates a file with an existing
 * one. The port then receives a packet for each operation on the file that ends.
 *
 * `duplicate()` refuses a port, because a completion port is only of use in the process that made
 * it.
 *
 * @param FileHandle a file that was opened as overlapped; `INVALID_HANDLE_VALUE` for no file
 * @param ExistingCompletionPort the port to associate the file with; 0 for a new port
 * @param CompletionKey the key of the file in packets
 * @param NumberOfConcurrentThreads how many threads may process packets at the same time; 0 for the
 * number of processors
 * @returns a new handle, or the existing port
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER` when the file has a port
 * already or was not opened as overlapped
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/FileIO/createiocompletionport
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateIoCompletionPort, INVALID_HANDLE_VALUE } from "duphandle/win32";
 *
 * CloseHandle(CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 0));
 * ```
 */
export function CreateIoCompletionPort(
  FileHandle: number,
  ExistingCompletionPort: number,
  CompletionKey: number,
  NumberOfConcurrentThreads: number,
): number {
  if (FileHandle !== INVALID_HANDLE_VALUE) {
    checkHandle(FileHandle, "FileHandle", "pass INVALID_HANDLE_VALUE for a port without a file");
  }
  if (ExistingCompletionPort !== 0) {
    checkHandle(ExistingCompletionPort, "ExistingCompletionPort", "pass 0 for a new port");
  }
  checkInteger(CompletionKey, "CompletionKey", 0, Number.MAX_SAFE_INTEGER);
  checkDword(NumberOfConcurrentThreads, "NumberOfConcurrentThreads");
  const { CreateIoCompletionPort } = ports();
  const { GetLastError } = kernel32();
  const handle = CreateIoCompletionPort(
    FileHandle,
    ExistingCompletionPort,
    CompletionKey,
    NumberOfConcurrentThreads,
  );
  if (handle === 0) throw win32Error(GetLastError(), "CreateIoCompletionPort", FileHandle);
  return handle;
}

/**
 * `GetQueuedCompletionStatus(CompletionPort, lpNumberOfBytesTransferred, lpCompletionKey,
 * lpOverlapped, dwMilliseconds)` — takes the next packet out of a completion port. It blocks the
 * thread, and with it the event loop.
 *
 * @param CompletionPort a handle of the port
 * @param dwMilliseconds the longest time to wait for a packet, in milliseconds; `INFINITE` waits
 * without a limit
 * @returns the values that the C function writes through its pointers
 * @throws {HandleError} `ETIMEDOUT` (`WAIT_TIMEOUT`) when no packet came; the error of the
 * operation when it failed; `ERROR_ABANDONED_WAIT_0` when the port was closed during the wait
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/ioapiset/nf-ioapiset-getqueuedcompletionstatus
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateIoCompletionPort } from "duphandle/win32";
 * import { GetQueuedCompletionStatus, INVALID_HANDLE_VALUE } from "duphandle/win32";
 * import { PostQueuedCompletionStatus } from "duphandle/win32";
 *
 * const port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 0);
 * PostQueuedCompletionStatus(port, 1, 2, 0);
 * console.log(GetQueuedCompletionStatus(port, 0).lpCompletionKey); // 2
 * CloseHandle(port);
 * ```
 */
export function GetQueuedCompletionStatus(
  CompletionPort: number,
  dwMilliseconds: number,
): CompletionStatus {
  checkHandle(CompletionPort, "CompletionPort");
  checkDword(dwMilliseconds, "dwMilliseconds");
  const { address, data } = scratch();
  const { GetQueuedCompletionStatus } = ports();
  const { GetLastError } = kernel32();
  if (
    GetQueuedCompletionStatus(
      CompletionPort,
      address,
      address + 8,
      address + 16,
      dwMilliseconds,
    ) ===
      0
  ) throw win32Error(GetLastError(), "GetQueuedCompletionStatus", CompletionPort);
  return {
    lpNumberOfBytesTransferred: data.getUint32(0, true),
    lpCompletionKey: Number(data.getBigUint64(8, true)),
    lpOverlapped: Number(data.getBigUint64(16, true)),
  };
}

/**
 * `PostQueuedCompletionStatus(CompletionPort, dwNumberOfBytesTransferred, dwCompletionKey,
 * lpOverlapped)` — puts a packet into a completion port, as if an operation had ended.
 *
 * @param CompletionPort a handle of the port
 * @param dwNumberOfBytesTransferred any number of 32 bits
 * @param dwCompletionKey any number up to 2^53
 * @param lpOverlapped 0: it is an address, which the receiver may use
 * @throws {HandleError} `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/FileIO/postqueuedcompletionstatus
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateIoCompletionPort, INVALID_HANDLE_VALUE } from "duphandle/win32";
 * import { PostQueuedCompletionStatus } from "duphandle/win32";
 *
 * const port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 0);
 * PostQueuedCompletionStatus(port, 1, 2, 0);
 * CloseHandle(port);
 * ```
 */
export function PostQueuedCompletionStatus(
  CompletionPort: number,
  dwNumberOfBytesTransferred: number,
  dwCompletionKey: number,
  lpOverlapped: 0,
): void {
  checkHandle(CompletionPort, "CompletionPort");
  checkDword(dwNumberOfBytesTransferred, "dwNumberOfBytesTransferred");
  checkInteger(dwCompletionKey, "dwCompletionKey", 0, Number.MAX_SAFE_INTEGER);
  if (lpOverlapped !== 0 || Object.is(lpOverlapped, -0)) {
    throw new TypeError(
      `Cannot use ${
        show(lpOverlapped)
      } as lpOverlapped: it must be 0; pass a number as dwCompletionKey`,
    );
  }
  const { PostQueuedCompletionStatus } = ports();
  const { GetLastError } = kernel32();
  if (
    PostQueuedCompletionStatus(
      CompletionPort,
      dwNumberOfBytesTransferred,
      dwCompletionKey,
      lpOverlapped,
    ) === 0
  ) throw win32Error(GetLastError(), "PostQueuedCompletionStatus", CompletionPort);
}
