/**
 * Duplicating handles, and objects that own or borrow them.
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle/handle";
 * import { closeSync, openSync } from "node:fs";
 *
 * const file = openSync("README.md", "r");
 * using copy = duplicate(file);
 * closeSync(file); // the copy stays open
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export type { FsFile } from "./deno_file.ts";
export { duplicate, duplicateOnto } from "./duplicate.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "./handle.ts";
export type { DuplicateOntoOptions, DuplicateOptions } from "./options.ts";
export type { NetworkSource } from "./network_source.ts";
export type { HasFd } from "./runtime_source.ts";
export { borrow, type HandleSource } from "./source.ts";
export type { Access, ToFileOptions, ToSocketOptions } from "./types.ts";
