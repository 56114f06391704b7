/**
 * Redirecting a descriptor, such as standard output, and restoring it.
 *
 * @example
 * ```ts
 * import { redirect } from "duphandle/redirect";
 * import { closeSync, openSync, rmSync } from "node:fs";
 *
 * const log = openSync("printed.txt", "w");
 * {
 *   using _ = redirect(1, log);
 *   console.log("into the file");
 * }
 * closeSync(log);
 * rmSync("printed.txt");
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
export { redirect } from "./redirect.ts";
