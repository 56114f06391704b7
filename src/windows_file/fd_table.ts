/**
 * Numbers that stand for the files of Deno for Windows, which has no descriptors for them: what
 * `fd` gives. They are sources here like any descriptor; for `node:fs` they are not open.
 */
import { failure } from "../../ffi/error.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** Far above the descriptors that any runtime hands out, and within an `int`. */
const FIRST = 0x4000_0000;

/** What stands behind a number. */
export interface RegisteredFile {
  readonly raw: RawHandle;
  close(): unknown;
}

/** Numbers are not used again, so that one that was kept too long is nobody else's. */
let next = FIRST;
const open = /* @__PURE__ */ new Map<number, RegisteredFile>();

/** A new number. */
export function registerFd(file: RegisteredFile): number {
  open.set(next, file);
  return next++;
}

/** The file is closed. */
export function unregisterFd(fd: number): void {
  open.delete(fd);
}

/**
 * What the number stands for; `undefined` for other descriptors.
 *
 * @throws {HandleError} `EBADF` when the file is closed
 */
export function lookupFd(fd: number): RegisteredFile | undefined {
  if (fd < FIRST || fd >= next) return undefined;
  const file = open.get(fd);
  if (file !== undefined) return file;
  throw failure("EBADF", "DuplicateHandle", {
    message: `Cannot use fd ${fd}: its file is closed; duplicate it before`,
    handle: fd,
  });
}
