/** The one path from a raw handle and options to a new raw handle. */
import { type DuplicateOptions, parseDuplicateOptions, type ResolvedOptions } from "./options.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/** Whoever closes the source. */
export interface Owner {
  close(): unknown;
}

/**
 * Makes the duplicate, and closes the source where that is asked for.
 *
 * @param raw the source
 * @param options how the duplicate is to differ from the plain one
 * @param owner closes the source; `undefined` when it is borrowed
 * @throws {TypeError} when the options are refused, with the source untouched
 */
export function duplicateRaw(
  raw: RawHandle,
  options: DuplicateOptions | undefined,
  owner: Owner | undefined,
): RawHandle {
  if (options === undefined) return platform().duplicate(raw, false, undefined);
  const choices = parseDuplicateOptions(options);
  if (!choices.closeSource) return duplicateWith(raw, choices);
  if (owner === undefined) {
    throw new TypeError(
      "Cannot close a borrowed source: only its owner may; leave out closeSource",
    );
  }
  return copyAndClose(raw, choices, owner);
}

/** Makes the duplicate as the choices want it, and leaves the source alone. */
export function duplicateWith(
  raw: RawHandle,
  { access, inheritable, minimum }: ResolvedOptions,
): RawHandle {
  return access === "same"
    ? platform().duplicate(raw, inheritable, minimum)
    : platform().narrow(raw, access, inheritable, minimum);
}

function copyAndClose(raw: RawHandle, choices: ResolvedOptions, owner: Owner): RawHandle {
  return consume(owner, () => duplicateWith(raw, choices), (copy) => platform().close(copy));
}

/**
 * Makes something of a source, and has the source closed whatever the outcome. When closing it
 * fails, what was made is undone: nobody will receive it.
 */
export function consume<Made>(owner: Owner, make: () => Made, undo: (made: Made) => void): Made {
  let made: Made;
  try {
    made = make();
  } catch (error) {
    try {
      owner.close();
    } catch {
      // A source that is not open fails twice for one reason: the first error tells it.
    }
    throw error;
  }
  try {
    owner.close();
  } catch (error) {
    undo(made);
    throw error;
  }
  return made;
}
