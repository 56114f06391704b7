/** The position of a descriptor on POSIX. */
import { SEEK_CUR } from "../../ffi/posix/constants.ts";
import { lseek } from "../../ffi/posix/file.ts";

/** The position in bytes; `undefined` when there is none, or the descriptor is closed by now. */
export function positionOf(fd: number): number | undefined {
  try {
    return lseek(fd, 0, SEEK_CUR);
  } catch {
    return undefined; // it only names the file (O_PATH), or the file system has no positions
  }
}
