/** The fingerprint of an open file on POSIX. */
import { osName } from "../../ffi/host.ts";
import { O_ACCMODE, O_PATH } from "../../ffi/posix/constants.ts";
import { fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import { identityOf, S_IFMT } from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { tryOrUndefined } from "../util/platform.ts";
import type { Fingerprint } from "./types.ts";

/**
 * The access and, on Linux, what identifies the file. The access belongs to the open file, so two
 * openings of one path can have different fingerprints.
 */
export function posixFingerprint(fd: number): Fingerprint {
  const access = fcntl_getfl(fd) & (O_ACCMODE | O_PATH);
  const identity = osName() === "linux" ? identityOf(fd) : undefined;
  if (identity === undefined) return [access];
  const { device, inode, major, mode } = identity;
  const kind = mode & S_IFMT;
  // Objects without a file have no kind. They may all have one inode; only their links differ.
  const name = kind === 0 ? tryOrUndefined(() => linkText(`/proc/self/fd/${fd}`)) : undefined;
  return [access, kind, device, inode, major, name];
}
