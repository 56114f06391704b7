/**
 * Handles of other processes: taking and giving them, and `DuplicateHandle` with all its rules.
 *
 * @example
 * ```ts
 * import { openProcess } from "duphandle/process";
 *
 * using self = openProcess(process.pid);
 * console.log(self.pid);
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
export { allowTake } from "./allow_take.ts";
export {
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  DUPLICATE_SAME_ATTRIBUTES,
  duplicateHandle,
  type DuplicateHandleArguments,
} from "./duplicate_handle.ts";
export { currentProcess, ForeignHandle, openProcess, ProcessHandle } from "./process.ts";
