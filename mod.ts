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
export { redirect } from "./src/redirect.ts";
export type { DuplicateOntoOptions, DuplicateOptions } from "./src/options.ts";
export type { HandleSource, HasFd } from "./src/source.ts";
export { duplicateSocket, socketFromInfo } from "./src/socket.ts";
export type { Access, RawHandle } from "./src/system.ts";
export { type HandleSpawnOptions, spawn } from "./src/spawn.ts";
export { inherited, inheritedNames } from "./src/inherited.ts";
