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
export { closeMany, duplicateMany } from "./src/batch.ts";
export {
  type ChannelOptions,
  HandleChannel,
  type HandleMessage,
  HandleServer,
} from "./src/channel.ts";
export type { JsonValue } from "./src/channel_message.ts";
export { copyFileHandle, copyFileHandleSync } from "./src/copy_file_handle.ts";
export { CopyFlags, type SecurityAttributes } from "./src/copy_options.ts";
export { duplicate, duplicateOnto } from "./src/duplicate.ts";
export {
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  duplicateHandle,
  type DuplicateHandleArguments,
} from "./src/duplicate_handle.ts";
export type { FsFile } from "./src/fs_file.ts";
export { borrow, BorrowedHandle, Handle, OwnedHandle } from "./src/handle.ts";
export { HandleError, type HandleErrorFields } from "./ffi/error.ts";
export {
  allowTake,
  currentProcess,
  ForeignHandle,
  openProcess,
  ProcessHandle,
} from "./src/process.ts";
export { inspectHandle, isSameObject, listHandles } from "./src/inspect.ts";
export type { HandleAccess, HandleInfo, HandleKind } from "./src/inspect_info.ts";
export { parentChannel } from "./src/parent_channel.ts";
export { DescriptorPool, PooledDescriptor, type PoolOptions, type PoolStats } from "./src/pool.ts";
export { raiseDescriptorLimit } from "./src/raise_limit.ts";
export { redirect } from "./src/redirect.ts";
export type { DuplicateOntoOptions, DuplicateOptions } from "./src/options.ts";
export type { HandleSource, HasFd } from "./src/source.ts";
export { duplicateSocket, socketFromInfo } from "./src/socket.ts";
export type { Access, RawHandle } from "./src/system.ts";
export {
  type HandleChild,
  type HandleSpawnOptions,
  spawn,
  type SpawnedChild,
} from "./src/spawn.ts";
export { inherited, inheritedNames } from "./src/inherited.ts";
export { HandleTracker, trackHandles, type TrackOptions } from "./src/track.ts";
export type { HandleProblem, HandleReport, TrackedHandle } from "./src/track_report.ts";
