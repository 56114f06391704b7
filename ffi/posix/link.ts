/** What the links in /proc say of descriptors: readlink(2). */
import type { Calls } from "../backend/mod.ts";
import { loadLibrary } from "../backend/library.ts";
import { cString, scratch } from "../backend/scratch.ts";
import { libraries } from "./symbols/linux.ts";
import { linkSymbols } from "./symbols/linux_looking.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

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
