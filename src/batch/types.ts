/** What many handles at once need of a system. */
import type { RawHandle } from "../util/raw_handle.ts";

/** Many handles at once. One implementation per system. */
export interface BatchPlatform {
  /**
   * New handles to the same objects, not inheritable, in the order of the sources. `undefined` when
   * one by one is better, or is how to find out what is wrong; then nothing was done.
   */
  duplicate(raws: readonly RawHandle[]): RawHandle[] | undefined;
  /**
   * Throws when one of the sources is not open. Without it, its number could become that of the
   * duplicate of another one, and be duplicated in its turn.
   */
  requireOpen(raws: readonly RawHandle[]): void;
  /**
   * Closes handles. `false` when it is to be done one by one, as where one is not open or there
   * twice; then nothing was done. When it throws, all are closed that could be.
   */
  close(raws: readonly RawHandle[]): boolean;
}
