/**
 * Keeping more files open than there are descriptors.
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle/handle";
 * import { DescriptorPool } from "duphandle/pool";
 *
 * using pool = new DescriptorPool({ limit: 16 });
 * const file = pool.add(duplicate(1));
 * console.log(file.use((fd) => fd > 2));
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "../handle/handle.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { Access, ToFileOptions, ToSocketOptions } from "../handle/types.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export { PooledDescriptor } from "./descriptor.ts";
export { raiseDescriptorLimit } from "./limit.ts";
export { DescriptorPool, type PoolOptions, type PoolStats } from "./pool.ts";
