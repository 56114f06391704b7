/** A copy of a file that the runtime owns: its own object, on a new handle to the same open file. */
import type { FileHandle } from "node:fs/promises";
import { adopter } from "../handle/platform.ts";
import { parseCopyOptions, type ResolvedCopyOptions, type SecurityAttributes } from "./options.ts";
import { duplicate } from "../handle/duplicate.ts";
import { type FsFile, fsFileFrom, isFsFile } from "../handle/deno_file.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import { type HandleSource, ownerOf } from "../handle/source.ts";

/**
 * Copies a file handle: the runtime's own `fs/promises` `FileHandle`, backed by a new handle to the
 * same open file.
 *
 * It has all that the runtime offers for files: streams, `readLines`, disposal. Position, status
 * flags and locks are shared with the source while both are open; closing either leaves the other
 * valid. Nothing is buffered in between.
 *
 * The source is duplicated before the call returns its promise, so closing it afterwards, or
 * reusing its number, changes nothing. In Deno the permissions `--allow-ffi` and
 * `--allow-read=/dev/null` are needed.
 *
 * @param source a descriptor of the runtime, a `FileHandle`, or a {@linkcode Handle}; a
 * `Deno.FsFile` gives a `Deno.FsFile`
 * @param flags {@linkcode CopyFlags}, combined with `|`; default `SameAccess`
 * @param securityAttributes access and inheritance as Windows programs give them
 * @returns the copy, which the caller closes; in Deno for Windows an object with the same methods
 * @throws {HandleError} `EBADF` when the source is not open; `EMFILE`; `EACCES` when more access is
 * wanted than the source has, or the runtime may not open the placeholder; `ENOTSUP`
 * @throws {TypeError} when an argument is not of its kind, or flags contradict each other
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { copyFileHandle } from "duphandle";
 * import { open } from "node:fs/promises";
 *
 * const file = await open("README.md");
 * const copy = await copyFileHandle(file);
 * await file.close();
 * for await (const line of copy.readLines()) {
 *   console.log(line);
 *   break;
 * }
 * ```
 */
export function copyFileHandle(
  source: FsFile,
  flags?: number,
  securityAttributes?: SecurityAttributes,
): Promise<FsFile>;
/** The same for every other source, which gives a `FileHandle`. */
export function copyFileHandle(
  source: Exclude<HandleSource, FsFile>,
  flags?: number,
  securityAttributes?: SecurityAttributes,
): Promise<FileHandle>;
/** The same for a source of which it is not known before which of the two it is. */
export function copyFileHandle(
  source: HandleSource,
  flags?: number,
  securityAttributes?: SecurityAttributes,
): Promise<FileHandle | FsFile>;
export async function copyFileHandle(
  source: HandleSource,
  flags?: number,
  securityAttributes?: SecurityAttributes,
): Promise<FileHandle | FsFile> {
  const choices = parseCopyOptions(flags, securityAttributes);
  const copy = choices.closeSource
    ? await takeOver(source, choices)
    : duplicate(source, { access: choices.access });
  const raw = copy.release();
  return isFsFile(source)
    ? fsFileFrom(raw, choices.inheritable)
    : await adopter().toFileHandle(raw, choices.inheritable);
}

/**
 * Copies a file handle at once, as a descriptor that the runtime's synchronous `node:fs` functions
 * accept: `fs.readSync(fd, …)`, `fs.closeSync(fd)`.
 *
 * @param source as for {@linkcode copyFileHandle}
 * @param flags as for {@linkcode copyFileHandle}; a `FileHandle` that is to be closed closes on its
 * own time
 * @param securityAttributes as for {@linkcode copyFileHandle}
 * @returns a descriptor that the runtime owns, as `fs.openSync` returns one
 * @throws {HandleError} as {@linkcode copyFileHandle}; `ENOTSUP` in Deno for Windows
 * @throws {TypeError} as {@linkcode copyFileHandle}
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { copyFileHandleSync, CopyFlags } from "duphandle";
 * import { closeSync, openSync, readSync } from "node:fs";
 *
 * const file = openSync("README.md", "r");
 * const copy = copyFileHandleSync(file, CopyFlags.ReadOnly | CopyFlags.CloseSource);
 * readSync(copy, new Uint8Array(16));
 * closeSync(copy);
 * ```
 */
export function copyFileHandleSync(
  source: HandleSource,
  flags?: number,
  securityAttributes?: SecurityAttributes,
): number {
  const { access, closeSource, inheritable } = parseCopyOptions(flags, securityAttributes);
  return adopter().toFd(duplicate(source, { access, closeSource }).release(), inheritable);
}

/** Duplicates, and waits until the source is closed by its owner, whatever the outcome. */
async function takeOver(
  source: HandleSource,
  { access }: ResolvedCopyOptions,
): Promise<OwnedHandle> {
  const owner = ownerOf(source);
  let copy: OwnedHandle;
  try {
    copy = duplicate(source, { access });
  } catch (error) {
    try {
      await owner.close();
    } catch {
      // A source that is not open fails twice for one reason: the first error tells it.
    }
    throw error;
  }
  try {
    await owner.close();
  } catch (error) {
    copy.close(); // nobody will receive it
    throw error;
  }
  return copy;
}
