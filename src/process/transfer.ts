/** The one path from a handle of one process to a handle of another. */
import { duplicateWith } from "../handle/raw.ts";
import type { ResolvedOptions } from "../handle/options.ts";
import { isSelf, type ProcessReference } from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "../handle/platform.ts";
import { processes } from "./platform.ts";

/**
 * Makes the duplicate. `closeSource` closes a source in another process, whatever the outcome; one
 * in this process is for its owner to close.
 *
 * What the source may give is known only in this process, so everything that is more than a plain
 * duplicate goes through a handle of ours.
 */
export function transfer(
  raw: RawHandle,
  from: ProcessReference,
  to: ProcessReference,
  choices: ResolvedOptions,
): RawHandle {
  if (isSelf(to)) return isSelf(from) ? duplicateWith(raw, choices) : take(raw, from, choices);
  processes().checkGive(raw, to);
  const isPlain = choices.access === "same";
  if (isSelf(from) && isPlain) return processes().give(raw, to, choices.inheritable);
  const ours = { ...choices, inheritable: false };
  const between = isSelf(from) ? duplicateWith(raw, ours) : take(raw, from, ours);
  try {
    return processes().give(between, to, choices.inheritable);
  } finally {
    platform().close(between);
  }
}

/** Closes a handle of a process, this one or another. */
export function closeIn(process: ProcessReference, raw: RawHandle): void {
  if (isSelf(process)) platform().close(raw);
  else processes().closeIn(process, raw);
}

function take(raw: RawHandle, from: ProcessReference, choices: ResolvedOptions): RawHandle {
  const { access, inheritable, minimum, closeSource } = choices;
  const isPlain = access === "same" && minimum === undefined;
  const taken = processes().take(raw, from, isPlain && inheritable, closeSource);
  if (isPlain) return taken;
  try {
    return duplicateWith(taken, choices);
  } finally {
    platform().close(taken);
  }
}
