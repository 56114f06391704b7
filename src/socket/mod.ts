/**
 * Sockets that listen and that no runtime has bound, sockets under the native servers of Deno and Bun, ending a
 * server without losing a request, sending handles to other programs, and duplicating sockets on Windows, where
 * Winsock does it. What makes a server or a stream of a handle otherwise are methods of {@linkcode OwnedHandle}.
 *
 * @example
 * ```ts
 * import { listenOn } from "duphandle/socket";
 *
 * using listener = listenOn({ port: 0 });
 * console.log(listener.raw); // 3 or above
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
export { type ListenAddress, listenOn, type PathAddress, type PortAddress } from "./listen_on.ts";
export type { PlaceholderOptions } from "./placeholder_options.ts";
export { drain, type DrainOptions } from "./drain.ts";
export { drainable } from "./drainable.ts";
export type {
  ReceivedHandles,
  ReceiveHandlesOptions,
  SendHandlesOptions,
} from "./handle_message.ts";
export { receiveHandles } from "./receive_handles.ts";
export { sendHandles } from "./send_handles.ts";
export { serveOn } from "./serve_on.ts";
export { type ListeningServer, stopAccepting } from "./stop_accepting.ts";
export { duplicateSocket, socketFromInfo } from "./socket.ts";
