/** Reads files and links in /proc by system calls, for which no runtime wants a permission. */
import { hasCode } from "../error.ts";
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/mod.ts";
import { cString, readText, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { libraries, linkSymbols } from "./symbols/linux.ts";
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc, libcFiles, textStart } from "./libc.ts";

/**
 * The first 4 KiB of a file; `undefined` when the file does not exist, when its process has ended, or
 * when this process may not read it. Other failures say nothing about the file, so they throw.
 *
 * @throws {HandleError} `EMFILE`, `ENFILE`, `ENOMEM`, `EIO` and other failures to read it
 */
export function procText(path: string): string | undefined {
  try {
    return permittedText(path);
  } catch (error) {
    // EPERM comes from a /proc that is mounted with hidepid.
    if (hasCode(error, "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

/** As {@linkcode procText}, but it is `EACCES` or `EPERM` when this process may not read the file. */
export function permittedText(path: string): string | undefined {
  const text = textStart(path);
  if (typeof text === "string") return text;
  const error = posixError(text.errno, text.syscall, undefined, path);
  if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
  throw error;
}

/**
 * All of a file in /proc, however long; `undefined` when it does not exist. The kernel writes what belongs to one
 * object, such as /proc/PID/fdinfo/N, at the first read, so it is of one moment. Of a list each read ends at the end
 * of a line, so no character is cut in two.
 *
 * @throws {HandleError} when it can't be opened or read
 */
export function wholeText(path: string): string | undefined {
  const { errno, close } = libc();
  const { open, read } = libcFiles();
  const fd = open(cString(path, "path"), O_RDONLY | O_CLOEXEC, 0);
  const { address } = scratch();
  let text = "";
  let failed = fd === -1 ? errno[0]! : 0;
  while (failed === 0) {
    const length = read(fd, address, SCRATCH_SIZE);
    if (length === 0) break;
    if (length === -1) failed = errno[0]!;
    else text += readText(0, Math.min(length, SCRATCH_SIZE));
  }
  if (fd !== -1) close(fd);
  if (failed === 0) return text;
  const error = posixError(failed, fd === -1 ? "open" : "read", undefined, path);
  if (error.code === "ENOENT") return undefined;
  throw error;
}

/**
 * Whether the open file of a descriptor holds a lock of flock(2). All its duplicates share the lock;
 * another open file of the same path does not. `false` also where /proc is missing.
 */
export function holdsLock(fd: number): boolean {
  return procText(`/proc/self/fdinfo/${fd}`)?.includes(": FLOCK ") === true;
}

/** The offset of the text: after the path, which is short. The kernel writes one page at most. */
const TEXT = 4096;
const TEXT_SIZE = 8192;

/** fcntl.h: a path that is not absolute begins at the working directory. */
export const AT_FDCWD = -100;

let loaded: Calls<typeof linkSymbols> | undefined;

/**
 * The text of a link. For `/proc/PID/fd/N` it is the path of the open file, or a name such as
 * `pipe:[4711]` when there is no path.
 *
 * @param path the path of the link
 * @param directory a descriptor of the directory where the path begins, unless it is absolute
 * @returns the text; `undefined` when the link does not exist
 * @throws {HandleError} `EACCES` when this process may not examine the process of the link
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
 */
export function linkText(path: string, directory: number = AT_FDCWD): string | undefined {
  loaded ??= loadLibrary(libraries, linkSymbols);
  const address = cString(path, "path");
  const { errno } = libc();
  const length = loaded.readlinkat(directory, address, address + TEXT, TEXT_SIZE);
  if (length !== -1) return readText(TEXT, length);
  const error = posixError(errno[0]!, "readlink", undefined, path);
  if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
  throw error;
}
