/** What tells one open file from another on Linux, by its number alone. */
import { osName } from "../../ffi/host.ts";
import { O_ACCMODE, O_PATH } from "../../ffi/posix/constants.ts";
import { fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import { identityOf, S_IFMT } from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { tryOrUndefined } from "../util/try_or_undefined.ts";
import type { Fingerprint } from "./types.ts";

/** The access belongs to the open file, so another opening of one path can have another mark. */
export function posixFingerprint(fd: number): Fingerprint {
  const access = fcntl_getfl(fd) & (O_ACCMODE | O_PATH);
  const identity = osName() === "linux" ? identityOf(fd) : undefined;
  if (identity === undefined) return [access];
  const { device, inode, driver, mode } = identity;
  const kind = mode & S_IFMT;
  // Objects without a file have no kind. They may all have one inode; what they are is told by their links only.
  const name = kind === 0 ? tryOrUndefined(() => linkText(`/proc/self/fd/${fd}`)) : undefined;
  return [access, kind, device, inode, driver, name];
}
