/** Chooses the operating system's fingerprint of an object. */
import { isWindows } from "../../ffi/host.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { posixFingerprint } from "./posix.ts";
import type { Fingerprint } from "./types.ts";
import { windowsFingerprint } from "./windows.ts";

/** The fingerprint of an open handle's object. */
export const platformFingerprint = (raw: RawHandle): Fingerprint =>
  isWindows() ? windowsFingerprint(raw) : posixFingerprint(raw);
