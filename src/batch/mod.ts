/**
 * Duplicating and closing many handles at once.
 *
 * @example
 * ```ts
 * import { closeMany, duplicateMany } from "duphandle/batch";
 *
 * closeMany(duplicateMany([0, 1, 2]));
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export { OwnedHandle } from "../handle/handle.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { HandleSource } from "../handle/source.ts";
export { closeMany, duplicateMany } from "./batch.ts";
