/**
 * Service managers: sockets that systemd or inetd opens for a program, and telling systemd that it is ready and
 * which handles to keep over a restart.
 *
 * @example
 * ```ts
 * import { listenFds, notify, watchdogInterval } from "duphandle/systemd";
 *
 * console.log(listenFds(), notify("READY=1"), watchdogInterval()); // [] false undefined without a manager
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export type { FsFile } from "../handle/deno_file.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "../handle/handle.ts";
export type { NetworkSource } from "../handle/network_source.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { HasFd } from "../handle/runtime_source.ts";
export type { HandleSource } from "../handle/source.ts";
export type { Access, ToFileOptions, ToSocketOptions } from "../handle/types.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export { inetdSocket } from "./inetd.ts";
export { type ListenFd, listenFds } from "./listen_fds.ts";
export { notify } from "./notify.ts";
export { watchdogInterval } from "./watchdog.ts";
