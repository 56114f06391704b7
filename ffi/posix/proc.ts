/** The text files below /proc, by the system's own calls, for which no runtime asks a permission. */
import { hasCode } from "../error.ts";
import { scratch } from "../scratch.ts";
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { close } from "./dup.ts";
import { posixError } from "./errors.ts";
import { open } from "./file.ts";
import { libc, libcFiles } from "./libc.ts";

/** As much of a file as is read: what is looked for stands at its start. */
const START = 4096;

/**
 * The first 4 KiB of a file; `undefined` when it is not there, what it is about has ended, or this
 * process may not read it. Whatever else goes wrong says nothing of the file, so it is thrown.
 *
 * @throws {HandleError} `EMFILE`, `ENFILE`, `ENOMEM`, `EIO` and whatever else keeps it from being read
 */
export function procText(path: string): string | undefined {
  try {
    const file = open(path, O_RDONLY | O_CLOEXEC);
    try {
      return textOf(file, path);
    } finally {
      close(file);
    }
  } catch (error) {
    // EPERM is what /proc says that is mounted with hidepid.
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

function textOf(file: number, path: string): string {
  const { address, bytes } = scratch();
  const { errno } = libc();
  const length = libcFiles().read(file, address, START);
  if (length === -1) throw posixError(errno[0]!, "read", undefined, path);
  return new TextDecoder().decode(bytes.subarray(0, length));
}
