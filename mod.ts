/**
 * Duplicates operating-system handles in Deno, Bun and Node, on Linux and Windows: a second,
 * independent handle to the same open file, through each runtime's own FFI.
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle";
 * import { closeSync, openSync } from "node:fs";
 *
 * const file = openSync("README.md", "r");
 * using copy = duplicate(file);
 * closeSync(file); // the copy goes on
 * ```
 *
 * @module
 */
export { closeMany, duplicateMany } from "./src/batch/batch.ts";
export {
  type ChannelOptions,
  HandleChannel,
  type HandleMessage,
  HandleServer,
} from "./src/channel/channel.ts";
export type { JsonValue } from "./src/channel/message.ts";
export { copyFileHandle, copyFileHandleSync } from "./src/file/copy_file_handle.ts";
export { CopyFlags, type SecurityAttributes } from "./src/file/options.ts";
export { duplicate, duplicateOnto } from "./src/handle/duplicate.ts";
export {
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  duplicateHandle,
  type DuplicateHandleArguments,
} from "./src/process/duplicate_handle.ts";
export type { FsFile } from "./src/handle/deno_file.ts";
export { borrow, BorrowedHandle, Handle, OwnedHandle } from "./src/handle/handle.ts";
export { HandleError, type HandleErrorFields } from "./ffi/error.ts";
export {
  allowTake,
  currentProcess,
  ForeignHandle,
  openProcess,
  ProcessHandle,
} from "./src/process/process.ts";
export { inspectHandle, isSameObject, listHandles } from "./src/inspect/inspect.ts";
export type { HandleAccess, HandleInfo, HandleKind } from "./src/inspect/types.ts";
export { parentChannel } from "./src/child/parent_channel.ts";
export {
  DescriptorPool,
  PooledDescriptor,
  type PoolOptions,
  type PoolStats,
} from "./src/pool/pool.ts";
export { raiseDescriptorLimit } from "./src/pool/limit.ts";
export { redirect } from "./src/redirect/redirect.ts";
export type { DuplicateOntoOptions, DuplicateOptions } from "./src/handle/options.ts";
export type { HandleSource, HasFd } from "./src/handle/source.ts";
export { duplicateSocket, socketFromInfo } from "./src/socket/socket.ts";
export type { Access } from "./src/handle/types.ts";
export type { RawHandle } from "./src/util/raw_handle.ts";
export {
  type HandleChild,
  type HandleSpawnOptions,
  spawn,
  type SpawnedChild,
} from "./src/child/spawn.ts";
export { inherited, inheritedNames } from "./src/child/inherited.ts";
export { HandleTracker, trackHandles, type TrackOptions } from "./src/track/track.ts";
export type { HandleProblem, HandleReport, TrackedHandle } from "./src/track/report.ts";
