/**
 * Reads the start of a text file without making a HandleError. The code that makes those errors reads
 * figures for their messages from such files, also for the error that no file can be opened.
 */
import { cString, readText, scratch } from "../backend/scratch.ts";
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { libc, libcFiles } from "./libc.ts";

/** How many bytes are read at most. */
const START = 4096;

/** The call that failed, and its `errno`. */
export interface ReadFailure {
  readonly syscall: "open" | "read";
  readonly errno: number;
}

/**
 * The first 4 KiB of a file, or the failure that prevented reading them.
 *
 * @throws {HandleError} when the functions for files are not bound yet and cannot be bound now
 */
export function textStart(path: string): string | ReadFailure {
  const { errno, close } = libc();
  const { open, read } = libcFiles();
  const fd = open(cString(path, "path"), O_RDONLY | O_CLOEXEC, 0);
  if (fd === -1) return { syscall: "open", errno: errno[0]! };
  const { address } = scratch();
  const length = read(fd, address, START);
  const failed = errno[0]!;
  close(fd);
  if (length === -1) return { syscall: "read", errno: failed };
  return readText(0, length);
}
