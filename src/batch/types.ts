/** What batches need of an operating system. */
import type { RawHandle } from "../util/raw_handle.ts";

/** Many handles at once. One implementation per system. */
export interface BatchPlatform {
  /**
   * New handles to the same objects, not inheritable, in the order of the sources. `undefined` when
   * duplicating one by one is faster, or is needed for the right error; then nothing was done.
   */
  duplicate(raws: readonly RawHandle[]): RawHandle[] | undefined;
  /**
   * Throws when one of the sources is not open. Without it, its number could become that of the
   * duplicate of another one, and be duplicated in its turn.
   */
  requireOpen(raws: readonly RawHandle[]): void;
  /**
   * Closes handles. Returns `false` when they are to be closed one by one, as when one is not open or is
   * there twice; then nothing was done. When it throws, all others are closed.
   */
  close(raws: readonly RawHandle[]): boolean;
}
