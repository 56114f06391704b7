/** The files and links below /proc, by the system's own calls, for which no runtime asks a permission. */
import { hasCode } from "../error.ts";
import { textStart } from "./text_start.ts";
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/library.ts";
import { cString, scratch } from "../backend/scratch.ts";
import { libraries, linkSymbols } from "./symbols/linux.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/**
 * The first 4 KiB of a file, where what is looked for stands; `undefined` when it is not there, what
 * it is about has ended, or this process may not read it. Whatever else goes wrong says nothing of
 * the file, so it is thrown.
 *
 * @throws {HandleError} `EMFILE`, `ENFILE`, `ENOMEM`, `EIO` and whatever else keeps it from being read
 */
export function procText(path: string): string | undefined {
  try {
    const text = textStart(path);
    if (typeof text === "string") return text;
    throw posixError(text.errno, text.syscall, undefined, path);
  } catch (error) {
    // EPERM is what /proc says that is mounted with hidepid.
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

/** Where the text goes: behind the path, which is short. The kernel writes a page at most. */
const TEXT = 4096;
const TEXT_SIZE = 8192;

let loaded: Calls<typeof linkSymbols> | undefined;

/**
 * What a link says, which for `/proc/PID/fd/N` is the path of the open file or what stands for one.
 *
 * @param path the path of the link
 * @returns `undefined` when there is none, or no longer
 * @throws {HandleError} `EACCES` when its process may not be examined
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
 */
export function linkText(path: string): string | undefined {
  loaded ??= loadLibrary(libraries, linkSymbols);
  const { bytes } = scratch();
  const address = cString(path, "path");
  const { errno } = libc();
  const length = loaded.readlink(address, address + TEXT, TEXT_SIZE);
  if (length !== -1) return new TextDecoder().decode(bytes.subarray(TEXT, TEXT + length));
  const error = posixError(errno[0]!, "readlink", undefined, path);
  if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
  throw error;
}
