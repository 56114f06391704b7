/** Named pipes: namedpipeapi.h. */
import { scratch } from "../backend/scratch.ts";
import { kernel32Pipes } from "./symbols/pipes.ts";
import { checkDword, checkHandle, stringArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const pipes: Library<typeof kernel32Pipes> = /* @__PURE__ */ lazy("kernel32.dll", kernel32Pipes);

/**
 * `WaitNamedPipeW(lpNamedPipeName, nTimeOut)` — waits until a pipe can be connected to. The thread
 * does nothing else meanwhile. Another process may be faster: then connecting fails after all.
 *
 * @param lpNamedPipeName its name, `\\\\.\\pipe\\…`
 * @param nTimeOut how long at most, in milliseconds; 0 for as long as the server has said,
 * `INFINITE` for as long as it takes
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when there is no such pipe, at once;
 * `ERROR_SEM_TIMEOUT` when the time is over
 * @throws {TypeError} when an argument is not of its kind
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
 * `GetNamedPipeServerProcessId(Pipe, ServerProcessId)` — the process that made a pipe, which the
 * system knows and that process cannot choose.
 *
 * @param Pipe a handle of either end
 * @returns the process identifier
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, or another error when it is no named pipe
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
