/**
 * Reading the start of a text file without making an error: what makes the errors asks for figures in
 * such files, also for the error that no file can be opened.
 */
import { cString, scratch } from "../backend/scratch.ts";
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { libc, libcFiles } from "./libc.ts";

/** As much of a file as is read. */
const START = 4096;

/** The call that failed, and why. */
export interface Unread {
  readonly syscall: "open" | "read";
  readonly errno: number;
}

/**
 * The first 4 KiB of a file, or what kept them from being read.
 *
 * @throws {HandleError} when the functions for files are not bound yet, and cannot be now
 */
export function textStart(path: string): string | Unread {
  const { errno, close } = libc();
  const { open, read } = libcFiles();
  const fd = open(cString(path, "path"), O_RDONLY | O_CLOEXEC, 0);
  if (fd === -1) return { syscall: "open", errno: errno[0]! };
  const { address, bytes } = scratch();
  const length = read(fd, address, START);
  const failed = errno[0]!;
  close(fd);
  if (length === -1) return { syscall: "read", errno: failed };
  return new TextDecoder().decode(bytes.subarray(0, length));
}
