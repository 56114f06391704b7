/** Named pipes: namedpipeapi.h. */
import { scratch } from "../backend/scratch.ts";
import { kernel32Pipes } from "./symbols/base.ts";
import { checkDword, checkHandle, stringArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const pipes: Library<typeof kernel32Pipes> = /* @__PURE__ */ lazy("kernel32.dll", kernel32Pipes);

/**
 * `WaitNamedPipeW(lpNamedPipeName, nTimeOut)` — waits until an instance of a named pipe is free for
 * a connection. It blocks the thread, and with it the event loop. Another process may connect
 * first; then connecting fails nevertheless.
 *
 * @param lpNamedPipeName the name of the pipe, `\\\\.\\pipe\\…`
 * @param nTimeOut the longest time to wait, in milliseconds; 0 for the default time of the server,
 * `INFINITE` waits without a limit
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when there is no such pipe, at once;
 * `ERROR_SEM_TIMEOUT` when the time has elapsed
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/namedpipeapi/nf-namedpipeapi-waitnamedpipew
 *
 * @example
 * ```ts
 * import { HandleError, WaitNamedPipeW } from "duphandle/win32";
 *
 * try {
 *   WaitNamedPipeW(`\\\\.\\pipe\\nobody ${process.pid}`, 1);
 * } catch (error) {
 *   console.log((error as HandleError).status); // ERROR_FILE_NOT_FOUND
 * }
 * ```
 */
export function WaitNamedPipeW(lpNamedPipeName: string, nTimeOut: number): void {
  checkDword(nTimeOut, "nTimeOut");
  const name = stringArgument(lpNamedPipeName, "lpNamedPipeName");
  const { WaitNamedPipeW } = pipes();
  const { GetLastError } = kernel32();
  if (WaitNamedPipeW(name, nTimeOut) === 0) {
    throw win32Error(GetLastError(), "WaitNamedPipeW", undefined, lpNamedPipeName);
  }
}

/**
 * `GetNamedPipeServerProcessId(Pipe, ServerProcessId)` — the identifier of the process that made a
 * named pipe. It comes from the system, so that process cannot forge it.
 *
 * @param Pipe a handle of either end
 * @returns the process identifier
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, or another error when it is not a named pipe
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-getnamedpipeserverprocessid
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, GENERIC_READ, OPEN_EXISTING } from "duphandle/win32";
 * import { GetNamedPipeServerProcessId } from "duphandle/win32";
 * import { createServer } from "node:net";
 *
 * const name = `\\\\.\\pipe\\example ${process.pid}`;
 * const server = createServer((connection) => connection.on("error", () => {}));
 * server.listen(name, () => {
 *   const pipe = CreateFileW(name, GENERIC_READ, 0, null, OPEN_EXISTING, 0, 0);
 *   console.log(GetNamedPipeServerProcessId(pipe) === process.pid); // true
 *   CloseHandle(pipe);
 *   server.close();
 * });
 * ```
 */
export function GetNamedPipeServerProcessId(Pipe: number): number {
  checkHandle(Pipe, "Pipe");
  const { address, data } = scratch();
  const { GetNamedPipeServerProcessId } = pipes();
  const { GetLastError } = kernel32();
  if (GetNamedPipeServerProcessId(Pipe, address) === 0) {
    throw win32Error(GetLastError(), "GetNamedPipeServerProcessId", Pipe);
  }
  return data.getUint32(0, true);
}
