/**
 * The Windows calls on handles one to one: the names, the order of parameters and the flags are
 * those of C. On failure they throw {@linkcode HandleError} instead of returning `FALSE`, `NULL` or
 * `INVALID_HANDLE_VALUE`.
 *
 * A `HANDLE` is a number: only 32 of its bits are significant, and they are sign-extended. On
 * other systems every call throws `ENOTSUP`.
 *
 * @example
 * ```ts
 * import { CloseHandle, DUPLICATE_SAME_ACCESS, DuplicateHandle } from "duphandle/win32";
 * import { GetCurrentProcess, GetStdHandle, STD_OUTPUT_HANDLE } from "duphandle/win32";
 *
 * const me = GetCurrentProcess();
 * const out: [number] = [0];
 * DuplicateHandle(
 *   me, GetStdHandle(STD_OUTPUT_HANDLE), me, out, 0, false, DUPLICATE_SAME_ACCESS,
 * );
 * CloseHandle(out[0]);
 * ```
 *
 * @module
 */
export * from "./comm.ts";
export * from "./completion_port.ts";
export * from "./connection.ts";
export * from "./console.ts";
export * from "./constants.ts";
export * from "./desktop.ts";
export * from "./event.ts";
export * from "./file.ts";
export * from "./handle.ts";
export * from "./job.ts";
export * from "./mailslot.ts";
export * from "./mapping.ts";
export * from "./mutex.ts";
export * from "./notification.ts";
export { NtQueryObject, type ObjectBasicInformation } from "./object.ts";
export * from "./object_constants.ts";
export * from "./open_file.ts";
export * from "./pipe.ts";
export * from "./process.ts";
export * from "./registry.ts";
export * from "./semaphore.ts";
export * from "./socket.ts";
export * from "./socket_constants.ts";
export * from "./thread.ts";
export * from "./timer.ts";
export * from "./token.ts";
export * from "./transaction.ts";
export * from "./wait.ts";
export type { SecurityAttributes } from "./security.ts";
export type { SocketAddress } from "./socket_address.ts";
export { HandleError, type HandleErrorFields } from "../error.ts";
