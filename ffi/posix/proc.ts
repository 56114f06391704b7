/** Reads files and links in /proc by system calls, for which no runtime wants a permission. */
import { hasCode } from "../error.ts";
import { textStart } from "./text_start.ts";
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/mod.ts";
import { cString, readText } from "../backend/scratch.ts";
import { libraries, linkSymbols } from "./symbols/linux.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/**
 * The first 4 KiB of a file; `undefined` when the file does not exist, when its process has ended, or
 * when this process may not read it. Other failures say nothing about the file, so they throw.
 *
 * @throws {HandleError} `EMFILE`, `ENFILE`, `ENOMEM`, `EIO` and other failures to read it
 */
export function procText(path: string): string | undefined {
  try {
    const text = textStart(path);
    if (typeof text === "string") return text;
    throw posixError(text.errno, text.syscall, undefined, path);
  } catch (error) {
    // EPERM comes from a /proc that is mounted with hidepid.
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
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
