/** Raw handles: the one path from a source and options to a new one, and closing those of ours. */
import type { ResolvedOptions } from "./options.ts";
import { HandleError } from "../../ffi/error.ts";
import { consume, type Owner } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/** A source of which all is known, so that no code of the user runs any more. */
export interface KnownSource {
  readonly raw: RawHandle;
  /** Closes the source; `undefined` when it is borrowed. */
  readonly owner: Owner | undefined;
}

/**
 * Makes the duplicate, and closes the source if `closeSource` is set.
 *
 * @param source the source. The options were read before it was looked at: a getter may close it
 * @throws {TypeError} when a borrowed source is to be closed
 */
export function duplicateKnown(source: KnownSource, choices: ResolvedOptions): RawHandle {
  if (!choices.closeSource) return duplicateWith(source.raw, choices);
  return consume(requireOwner(source), () => duplicateWith(source.raw, choices));
}

/** The owner of a source that is to be closed; throws a `TypeError` when it is borrowed. */
export function requireOwner({ owner }: Pick<KnownSource, "owner">): Owner {
  if (owner !== undefined) return owner;
  throw new TypeError("Cannot close a borrowed source: only its owner may; leave out closeSource");
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
