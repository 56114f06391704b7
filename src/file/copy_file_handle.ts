/** A copy of a file that the runtime owns: its own object, on a new handle to the open file. */
import type { FileHandle } from "node:fs/promises";
import { failure } from "../../ffi/error.ts";
import { copyToFsFile, type FsFile, fsFileFrom, isFsFile } from "../handle/deno_file.ts";
import { isHandle } from "../handle/handle.ts";
import { isNetworkSource } from "../handle/network_source.ts";
import type { DuplicateOptions } from "../handle/options.ts";
import { adopter, platform } from "../handle/platform.ts";
import { requireOwner } from "../handle/raw.ts";
import { type HandleSource, knownSource, rawOf } from "../handle/source.ts";
import type { Access } from "../handle/types.ts";
import { consume, type Owner, warnOfClose } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { type CopyAttributes, parseCopyOptions, type ResolvedCopyOptions } from "./options.ts";

/**
 * Copies a file handle: the runtime's own `fs/promises` `FileHandle`, backed by a new handle to the
 * same open file.
 *
 * It has all that the runtime offers for files: streams, `readLines`, disposal. Position, status
 * flags and locks of `flock` are shared with the source while both are open; closing either leaves the other
 * valid. Nothing is buffered in between.
 *
 * A copy of a pipe, a socket or a terminal behaves as its source: a read that waits for data holds a thread of
 * the runtime. `duplicate(source).toReadable()` holds none.
 *
 * The source is duplicated before the call returns its promise, so closing it afterwards, or
 * reusing its number, changes nothing. No other handle of the file is made and closed, with one
 * exception: in Deno a copy with less access than its source. Deno needs the permissions `--allow-ffi`
 * and `--allow-read=/dev/null`; on Windows that file is `ntdll.dll` of the system.
 *
 * In Deno a copy with less access than its source closes the descriptor by which its file was opened, which
 * ends the record locks that this process has on the file; any other copy closes none:
 * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
 *
 * @param source a descriptor of the runtime, a `FileHandle`, or a {@linkcode Handle}; a
 * `Deno.FsFile` gives a `Deno.FsFile`
 * @param options access, inheritance, and whether the source is closed, as for
 * {@linkcode duplicate}; `minimum` is refused, because the runtime chooses the number of a
 * descriptor that it owns
 * @returns the copy, which the caller closes; in Deno for Windows as {@linkcode OwnedHandle.toFileHandle} makes it
 * @throws {HandleError} `EBADF` when the source is not open; `EMFILE`; `EACCES` when more access is
 * wanted than the source has, or the runtime may not open the placeholder; `ENOTSUP`
 * @throws {TypeError} when an argument is not of its kind
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { copyFileHandle } from "duphandle";
 * import { open } from "node:fs/promises";
 *
 * const file = await open("README.md");
 * const copy = await copyFileHandle(file, { access: "read", closeSource: true });
 * console.log(file.fd); // -1: the source is closed
 * for await (const line of copy.readLines()) {
 *   console.log(line);
 *   break;
 * }
 * ```
 */
export function copyFileHandle(
  source: Exclude<HandleSource, FsFile>,
  options: DuplicateOptions,
): Promise<FileHandle>;
/**
 * Copies a `Deno.FsFile`: a `Deno.FsFile` on a new handle to the same open file. Deno on Linux
 * and Windows.
 *
 * @param source the file to copy
 * @param options as for the copy of a `FileHandle`
 * @returns the copy, which the caller closes
 * @throws {HandleError} as for the copy of a `FileHandle`
 * @throws {TypeError} as for the copy of a `FileHandle`
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 */
export function copyFileHandle(source: FsFile, options: DuplicateOptions): Promise<FsFile>;
/**
 * Copies a source that may be of either kind: a `Deno.FsFile` gives a `Deno.FsFile`, every other
 * source gives a `FileHandle`.
 *
 * @param source what to copy
 * @param options as for the copy of a `FileHandle`
 * @returns the copy, which the caller closes
 * @throws {HandleError} as for the copy of a `FileHandle`
 * @throws {TypeError} as for the copy of a `FileHandle`
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 */
export function copyFileHandle(
  source: HandleSource,
  options: DuplicateOptions,
): Promise<FileHandle | FsFile>;
/**
 * Copies a file handle, with flags in place of the options: the same copy, for programs that are
 * used to the flags of `open` and to Windows.
 *
 * @param source as for the form with options
 * @param flags {@linkcode CopyFlags}, combined with `|`; default `SameAccess`
 * @param securityAttributes access and inheritance as Windows programs give them
 * @returns the copy, which the caller closes; in Deno for Windows as {@linkcode OwnedHandle.toFileHandle} makes it
 * @throws {HandleError} as for the form with options
 * @throws {TypeError} when an argument is not of its kind, or flags and attributes contradict each
 * other
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { copyFileHandle, CopyFlags } from "duphandle";
 * import { open } from "node:fs/promises";
 *
 * const file = await open("README.md");
 * const copy = await copyFileHandle(file, CopyFlags.ReadOnly | CopyFlags.Inherit);
 * await file.close(); // the copy stays open
 * await copy.close();
 * ```
 */
export function copyFileHandle(
  source: Exclude<HandleSource, FsFile>,
  flags?: number,
  securityAttributes?: CopyAttributes,
): Promise<FileHandle>;
/**
 * Copies a `Deno.FsFile`, with flags in place of the options. Deno on Linux and Windows.
 *
 * @param source the file to copy
 * @param flags {@linkcode CopyFlags}, combined with `|`; default `SameAccess`
 * @param securityAttributes access and inheritance as Windows programs give them
 * @returns the copy, which the caller closes
 * @throws {HandleError} as for the form with options
 * @throws {TypeError} as for the copy of a `FileHandle`
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 */
export function copyFileHandle(
  source: FsFile,
  flags?: number,
  securityAttributes?: CopyAttributes,
): Promise<FsFile>;
/**
 * Copies a source that may be of either kind, with flags in place of the options.
 *
 * @param source what to copy
 * @param flags {@linkcode CopyFlags}, combined with `|`; default `SameAccess`
 * @param securityAttributes access and inheritance as Windows programs give them
 * @returns the copy, which the caller closes
 * @throws {HandleError} as for the form with options
 * @throws {TypeError} as for the copy of a `FileHandle`
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 */
export function copyFileHandle(
  source: HandleSource,
  flags?: number,
  securityAttributes?: CopyAttributes,
): Promise<FileHandle | FsFile>;
export async function copyFileHandle(
  source: HandleSource,
  flagsOrOptions?: number | DuplicateOptions,
  securityAttributes?: CopyAttributes,
): Promise<FileHandle | FsFile> {
  const choices = parseCopyOptions(flagsOrOptions, securityAttributes);
  refuseNetworkSource(source);
  const known = knownSource(source, choices.closeSource);
  const owner = choices.closeSource ? requireOwner(known) : undefined;
  const copying = isFsFile(source) ? copyFsFile(known.raw, choices) : copyFile(known.raw, choices);
  if (owner === undefined) return await copying;
  // The copy has a handle of its own by now, so the source is closed at once.
  const [copied, closed] = await Promise.allSettled([copying, closeAsync(owner)]);
  // A source that is not open fails twice for one reason: the first error reports it.
  if (copied.status === "rejected") throw copied.reason;
  if (closed.status === "rejected") warnOfClose(closed.reason);
  return copied.value;
}

/** A file that is a socket would make a thread of the runtime wait for what the other side sends. */
function refuseNetworkSource(source: HandleSource): void {
  if (isHandle(source) || !isNetworkSource(source)) return;
  throw failure("ENOTSUP", "open", {
    message:
      "Cannot make a file of a server, a socket or a stream of the runtime: use duplicate(), and " +
      "toSocket(), toServer(), toReadable(), toWritable() or toDatagram() of what it returns",
  });
}

async function closeAsync(owner: Owner): Promise<void> {
  await owner.close();
}

async function copyFile(raw: RawHandle, choices: ResolvedCopyOptions): Promise<FileHandle> {
  const { access, inheritable } = choices;
  return isPlain(raw, access)
    ? await adopter().copyToFileHandle(raw, inheritable)
    : await adopter().toFileHandle(narrow(raw, choices), inheritable);
}

// Async, so that an error rejects and the source is still closed.
async function copyFsFile(raw: RawHandle, choices: ResolvedCopyOptions): Promise<FsFile> {
  const { access, inheritable } = choices;
  return await Promise.resolve(
    isPlain(raw, access)
      ? copyToFsFile(raw, inheritable)
      : fsFileFrom(narrow(raw, choices), inheritable),
  );
}

function copyToFd(raw: RawHandle, choices: ResolvedCopyOptions): number {
  const { access, inheritable } = choices;
  return isPlain(raw, access)
    ? adopter().copyToFd(raw, inheritable)
    : adopter().toFd(narrow(raw, choices), inheritable);
}

/** Whether the copy has the access that the source has already. */
function isPlain(raw: RawHandle, access: Access): boolean {
  return access === "same" || platform().hasExactly(raw, access);
}

function narrow(raw: RawHandle, { access, inheritable }: ResolvedCopyOptions): RawHandle {
  return platform().narrow(raw, access, inheritable, undefined);
}

/**
 * Copies a file handle synchronously, as a descriptor that the runtime's synchronous `node:fs`
 * functions accept: `fs.readSync(fd, …)`, `fs.closeSync(fd)`.
 *
 * A copy of a pipe, a socket or a terminal behaves as its source: `fs.readSync` stops the program until there is
 * data, and a stream of `node:fs` holds a thread of the runtime. `duplicate(source).toReadable()` does neither.
 *
 * @param source as for {@linkcode copyFileHandle}
 * @param options as for {@linkcode copyFileHandle}; with `closeSource` a `FileHandle` closes
 * asynchronously, after the call
 * @returns a descriptor that the runtime owns, as `fs.openSync` returns one
 * @throws {HandleError} as {@linkcode copyFileHandle}; in Deno for Windows `ENOTSUP` when it is no
 * file, or was opened as overlapped, and `EBUSY` as {@linkcode OwnedHandle.toFd}
 * @throws {TypeError} as {@linkcode copyFileHandle}
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { copyFileHandleSync } from "duphandle";
 * import { closeSync, openSync, readSync } from "node:fs";
 *
 * const file = openSync("README.md", "r");
 * const copy = copyFileHandleSync(file, { access: "read", closeSource: true });
 * readSync(copy, new Uint8Array(16));
 * closeSync(copy);
 * ```
 */
export function copyFileHandleSync(source: HandleSource, options: DuplicateOptions): number;
/**
 * Copies a file handle synchronously, with flags in place of the options.
 *
 * @param source as for {@linkcode copyFileHandle}
 * @param flags {@linkcode CopyFlags}, combined with `|`; default `SameAccess`. With `CloseSource` a
 * `FileHandle` closes asynchronously, after the call
 * @param securityAttributes access and inheritance as Windows programs give them
 * @returns a descriptor that the runtime owns, as `fs.openSync` returns one
 * @throws {HandleError} as {@linkcode copyFileHandle}; in Deno for Windows `ENOTSUP` when it is no
 * file, or was opened as overlapped, and `EBUSY` as {@linkcode OwnedHandle.toFd}
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
  securityAttributes?: CopyAttributes,
): number;
export function copyFileHandleSync(
  source: HandleSource,
  flagsOrOptions?: number | DuplicateOptions,
  securityAttributes?: CopyAttributes,
): number {
  const choices = parseCopyOptions(flagsOrOptions, securityAttributes);
  refuseNetworkSource(source);
  if (!choices.closeSource) return copyToFd(rawOf(source), choices);
  const known = knownSource(source, true);
  return consume(requireOwner(known), () => copyToFd(known.raw, choices));
}
