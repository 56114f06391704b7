/** The text files below /proc, by the system's own calls, for which no runtime asks a permission. */
import { hasCode } from "../error.ts";
import { posixError } from "./errors.ts";
import { textStart } from "./text_start.ts";

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
