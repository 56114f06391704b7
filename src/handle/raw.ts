/** Raw handles: the one path from a source and options to a new one, and closing those of ours. */
import { type DuplicateOptions, parseDuplicateOptions, type ResolvedOptions } from "./options.ts";
import { HandleError, isCloseRefused } from "../../ffi/error.ts";
import { closeOrWarn, closeQuietly } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/** What closes a source. */
export interface Owner {
  close(): unknown;
}

/**
 * Makes the duplicate, and closes the source if `closeSource` is set.
 *
 * @param raw the source
 * @param options how the new handle is to differ from a plain duplicate
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
  return consume(owner, () => duplicateWith(raw, choices), (copy) => platform().close(copy));
}

/** Makes the duplicate with the options, and leaves the source open. */
export function duplicateWith(
  raw: RawHandle,
  { access, inheritable, minimum }: ResolvedOptions,
): RawHandle {
  return access === "same"
    ? platform().duplicate(raw, inheritable, minimum)
    : platform().narrow(raw, access, inheritable, minimum);
}

/**
 * Makes a result of a source, and closes the source whatever the outcome. When closing it fails, the
 * result is undone, because the caller does not get it; without `undo` it is returned.
 */
export function consume<Made>(owner: Owner, make: () => Made, undo?: (made: Made) => void): Made {
  let made: Made;
  try {
    made = make();
  } catch (error) {
    closeQuietly(() => owner.close()); // it fails for the same reason, and the first error has it
    throw error;
  }
  if (undo === undefined) {
    closeOrWarn(() => owner.close());
    return made;
  }
  try {
    owner.close();
  } catch (error) {
    if (isCloseRefused(error)) return made; // the source stays open, as after DUPLICATE_CLOSE_SOURCE
    undo(made);
    throw error;
  }
  return made;
}

/** Closes all of the handles, also when closing one of them fails. */
export function closeAll(handles: readonly RawHandle[]): void {
  for (const handle of handles) {
    try {
      platform().close(handle);
    } catch (error) {
      // It may say that written data is lost. The close of the source, by its owner, says so as well.
      if (!(error instanceof HandleError)) throw error;
    }
  }
}
