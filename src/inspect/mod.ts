/**
 * Inspecting handles: what they refer to.
 *
 * @example
 * ```ts
 * import { inspectHandle } from "duphandle/inspect";
 *
 * console.log(inspectHandle(1).kind);
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
export { findHandles } from "./find.ts";
export { inspectHandle, isSameObject, listHandles } from "./inspect.ts";
export type {
  FoundHandle,
  FoundHandles,
  HandleAccess,
  HandleInfo,
  HandleKind,
  HiddenProcess,
  PathTarget,
  PortTarget,
  SocketAddress,
  SocketFamily,
  SocketInfo,
  SocketType,
} from "./types.ts";
