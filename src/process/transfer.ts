/** The one path from a handle of one process to a handle of another. */
import type { RawHandle } from "../util/raw_handle.ts";
import type { ResolvedOptions } from "../handle/options.ts";
import { platform } from "../handle/platform.ts";
import { duplicateWith } from "../handle/raw.ts";
import { consume } from "../util/late_close.ts";
import { processes } from "./platform.ts";
import { isSelf, type ProcessReference } from "./types.ts";

/**
 * Duplicates a handle of one process into another. With `closeSource` a source in another process
 * is closed, whatever the outcome; a source in this process is left to its owner.
 *
 * The access of a source can be checked only in this process, so a duplicate with less access is
 * made through a temporary handle of this process.
 *
 * @param isProtected whether the new handle is to be protected from closing
 */
export function transfer(
  raw: RawHandle,
  from: ProcessReference,
  to: ProcessReference,
  choices: ResolvedOptions,
  isProtected: boolean = false,
): RawHandle {
  if (isSelf(to)) {
    const made = isSelf(from) ? duplicateWith(raw, choices) : take(raw, from, choices);
    return isProtected ? processes().protect(made) : made;
  }
  processes().checkGive(raw, to);
  const isPlain = choices.access === "same" && !isProtected;
  if (isSelf(from) && isPlain) return processes().give(raw, to, choices.inheritable);
  const local = { ...choices, inheritable: false };
  const temporary = isSelf(from) ? duplicateWith(raw, local) : take(raw, from, local);
  if (isProtected) return processes().giveProtected(temporary, to, choices.inheritable);
  return consume(
    { close: () => platform().close(temporary) },
    () => processes().give(temporary, to, choices.inheritable),
  );
}

/** Closes a handle of a process, this one or another. */
export function closeIn(process: ProcessReference, raw: RawHandle): void {
  if (isSelf(process)) platform().close(raw);
  else processes().closeIn(process, raw);
}

function take(raw: RawHandle, from: ProcessReference, choices: ResolvedOptions): RawHandle {
  const { access, inheritable, minimum, closeSource } = choices;
  if (access === "same" && minimum === undefined) {
    return processes().take(raw, from, inheritable, closeSource);
  }
  const taken = processes().take(raw, from, false, closeSource);
  return consume({ close: () => platform().close(taken) }, () => duplicateWith(taken, choices));
}
