/** A file with the pid of the process that serves, for other programs. */
import { pid } from "../../ffi/host.ts";
import { O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY } from "../../ffi/posix/constants.ts";
import { close } from "../../ffi/posix/dup.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { open, write } from "../../ffi/posix/file.ts";
import { libc } from "../../ffi/posix/libc.ts";
import { procText } from "../../ffi/posix/proc.ts";
import { nameAnew, unlink } from "../../ffi/posix/unix_socket.ts";
import { tryOrUndefined } from "../util/platform.ts";

/** What others may do with the file: read it. */
const MODE = 0o644;

/**
 * Writes the pid of this process to a file. Whoever reads it finds a whole pid at every moment: the old one or
 * the new one.
 *
 * @throws {HandleError} `ENOENT` when the folder does not exist, `EACCES`, `ENOSPC`; the file is as it was
 */
export function writePidFile(path: string): void {
  const temporary = `${path}.${pid()}`;
  unlink(temporary); // of a process that had this pid, and was ended in between
  const fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
  try {
    try {
      write(fd, new TextEncoder().encode(`${pid()}\n`));
    } finally {
      close(fd);
    }
    if (nameAnew(temporary, path, true)) return;
    throw posixError(libc().errno[0]!, "rename", undefined, path);
  } catch (error) {
    tryOrUndefined(() => unlink(temporary)); // the first error says more
    throw error;
  }
}

/** Whether the file has the pid of this process. */
export function isOwnPidFile(path: string): boolean {
  return procText(path)?.trim() === `${pid()}`;
}

/** Removes the file, unless another process has written its pid to it. */
export function removePidFile(path: string): void {
  if (isOwnPidFile(path)) unlink(path);
}
