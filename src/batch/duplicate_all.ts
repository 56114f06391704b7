/** Duplicating all of many handles, or none. */
import { closeAll, duplicateWith } from "../handle/raw.ts";
import type { ResolvedOptions } from "../handle/options.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { batches } from "./platform.ts";

/** The options of a plain duplicate. */
const plain: ResolvedOptions = {
  access: "same",
  inheritable: false,
  closeSource: false,
  minimum: undefined,
};

/** Duplicates of all sources, in their order. None is made when one source cannot be duplicated. */
export function duplicateAll(
  raws: readonly RawHandle[],
  choices: ResolvedOptions = plain,
): RawHandle[] {
  const { access, inheritable, minimum } = choices;
  const isPlain = access === "same" && !inheritable && minimum === undefined;
  const batch = isPlain ? batches().duplicate(raws) : undefined;
  if (batch !== undefined) return batch;
  if (raws.length > 1) batches().requireOpen(raws);
  return allOrNone(raws, (raw) => duplicateWith(raw, choices));
}

/**
 * Makes a handle of each item; when one cannot be made, those made before are closed.
 *
 * @param close closes them, whatever happens at one of them
 */
export function allOrNone<Item>(
  items: readonly Item[],
  make: (item: Item) => RawHandle,
  close: (made: readonly RawHandle[]) => void = closeAll,
): RawHandle[] {
  const made: RawHandle[] = [];
  try {
    for (const item of items) made.push(make(item));
  } catch (error) {
    close(made);
    throw error;
  }
  return made;
}
