/** Fingerprints: they distinguish objects by their numbers alone, without a second handle. */
import { HandleError } from "../../ffi/error.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platformFingerprint } from "./platform.ts";
import type { Fingerprint } from "./types.ts";

/**
 * The fingerprint of a handle's object; `undefined` when the handle is not open. When the system cannot say,
 * nothing is known of the object: a tracker must not keep a handle from being closed.
 */
export function fingerprintOf(raw: RawHandle): Fingerprint | undefined {
  try {
    return platformFingerprint(raw);
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    return error.code === "EBADF" ? undefined : [];
  }
}

/** Whether two fingerprints can be of one object: nothing that is known of both differs. */
export function canBeSame(one: Fingerprint, other: Fingerprint): boolean {
  return one.every((fact, index) =>
    fact === undefined || other[index] === undefined || fact === other[index]
  );
}
