/**
 * The Windows calls on handles one to one, for people who know them: the C names, the C order of
 * parameters and the C flags. They throw {@linkcode HandleError} instead of returning `FALSE`,
 * `NULL` or `INVALID_HANDLE_VALUE`.
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
export * from "./win32/comm.ts";
export * from "./win32/compare.ts";
export * from "./win32/completion_port.ts";
export * from "./win32/connection.ts";
export * from "./win32/console.ts";
export * from "./win32/constants.ts";
export * from "./win32/desktop.ts";
export * from "./win32/event.ts";
export * from "./win32/file.ts";
export * from "./win32/handle.ts";
export * from "./win32/job.ts";
export * from "./win32/mailslot.ts";
export * from "./win32/mapping.ts";
export * from "./win32/mutex.ts";
export * from "./win32/notification.ts";
export * from "./win32/object.ts";
export * from "./win32/object_constants.ts";
export * from "./win32/pipe.ts";
export * from "./win32/process.ts";
export * from "./win32/registry.ts";
export * from "./win32/semaphore.ts";
export * from "./win32/socket.ts";
export * from "./win32/socket_constants.ts";
export * from "./win32/thread.ts";
export * from "./win32/timer.ts";
export * from "./win32/token.ts";
export * from "./win32/transaction.ts";
export * from "./win32/wait.ts";
export type { SecurityAttributes } from "./win32/security.ts";
export type { SocketAddress } from "./win32/socket_address.ts";
export { HandleError, type HandleErrorFields } from "./error.ts";
