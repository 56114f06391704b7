/** Many handles from many: all, or none. */
import { closeAll } from "../handle/close_all.ts";
import { duplicateWith } from "../handle/raw.ts";
import type { ResolvedOptions } from "../handle/options.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { batches } from "./platform.ts";

/** What `duplicate` does without options. */
const plain: ResolvedOptions = {
  access: "same",
  inheritable: false,
  closeSource: false,
  minimum: undefined,
};

/** Duplicates of all sources, in their order. None is made when one of them cannot be. */
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

/** Makes a handle of each; when one cannot be made, those that were are closed. */
export function allOrNone<Item>(
  items: readonly Item[],
  make: (item: Item) => RawHandle,
): RawHandle[] {
  const made: RawHandle[] = [];
  try {
    for (const item of items) made.push(make(item));
  } catch (error) {
    closeAll(made);
    throw error;
  }
  return made;
}
