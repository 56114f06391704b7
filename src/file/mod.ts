/**
 * Copies of file handles that the runtime itself owns: `FileHandle`, a descriptor, `Deno.FsFile`.
 *
 * @example
 * ```ts
 * import { copyFileHandle } from "duphandle/file";
 * import { open } from "node:fs/promises";
 *
 * const file = await open("README.md");
 * const copy = await copyFileHandle(file);
 * await file.close();
 * await copy.close();
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
export { copyFileHandle, copyFileHandleSync } from "./copy_file_handle.ts";
export { type CopyAttributes, CopyFlags } from "./options.ts";
