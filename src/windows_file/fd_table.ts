/**
 * The table of fds of files in Deno for Windows, which gives those files no descriptor of its own.
 * This library accepts such an fd as a source like any descriptor; for `node:fs` it is not open.
 */
import { failure } from "../../ffi/error.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { shared } from "../util/shared.ts";

/** Far above the descriptors of any runtime, and within an `int`. */
const FIRST = 0x4000_0000;

/** The file that an fd refers to. */
export interface RegisteredFile {
  readonly raw: RawHandle;
  close(): unknown;
}

/** The fds of all copies of this library. */
interface FdTable {
  /** An fd is never reused, so that a stale one does not refer to another file. */
  next: number;
  readonly open: Map<number, RegisteredFile>;
}

const table = (): FdTable => shared("windowsFiles", 1, () => ({ next: FIRST, open: new Map() }));

/** Adds a file to the table, and returns its fd. */
export function registerFd(file: RegisteredFile): number {
  const files = table();
  files.open.set(files.next, file);
  return files.next++;
}

/** Removes a file from the table, when it is closed. */
export function unregisterFd(fd: number): void {
  table().open.delete(fd);
}

/**
 * The file of an fd; `undefined` for an fd that is not of this table.
 *
 * @throws {HandleError} `EBADF` when the file is closed
 */
export function lookupFd(fd: number): RegisteredFile | undefined {
  if (fd < FIRST) return undefined;
  const { next, open } = table();
  if (fd >= next) return undefined;
  const file = open.get(fd);
  if (file !== undefined) return file;
  throw failure("EBADF", "DuplicateHandle", {
    message: `Cannot use fd ${fd}: its file is closed; duplicate it before`,
    handle: fd,
  });
}
