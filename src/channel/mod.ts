/**
 * Channels that carry messages and handles between processes.
 *
 * @example
 * ```ts
 * import { HandleChannel } from "duphandle/channel";
 *
 * const path = process.platform === "win32"
 *   ? `\\\\.\\pipe\\entry-${process.pid}`
 *   : `entry-${process.pid}.sock`;
 * await using server = await HandleChannel.listen(path, (channel) => channel.close());
 * await using channel = await HandleChannel.connect(path);
 * console.log(await channel.receive()); // undefined: the other process has closed it
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export type { FsFile } from "../handle/deno_file.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "../handle/handle.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { NetworkSource } from "../handle/network_source.ts";
export type { HasFd } from "../handle/runtime_source.ts";
export type { HandleSource } from "../handle/source.ts";
export type { Access, ToFileOptions, ToSocketOptions } from "../handle/types.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export { HandleChannel, type HandleMessage } from "./channel.ts";
export type { JsonValue } from "./message.ts";
export type { ChannelOptions, ConnectOptions, ListenOptions, PeerOptions } from "./options.ts";
export { HandleServer } from "./server.ts";
