/** Access in terms of reading and writing, for systems that know nothing else. */
import { show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import {
  FILE_GENERIC_READ,
  FILE_GENERIC_WRITE,
  GENERIC_READ,
  GENERIC_WRITE,
} from "../../ffi/win32/constants.ts";
import type { Access } from "./types.ts";

/** The right to read. */
export const READ = 1;
/** The right to write. */
export const WRITE = 2;

/**
 * The rights to read and to write that an access asks for, where these two are all that there are.
 *
 * @throws {HandleError} `ENOTSUP` when it is a mask with other rights
 */
export function requestedRights(access: Access, fd: number): number {
  if (access === "read") return READ;
  if (access === "write") return WRITE;
  if (access === "read-write") return READ | WRITE;
  switch (Number(access) >>> 0) {
    case GENERIC_READ:
    case FILE_GENERIC_READ:
      return READ;
    case GENERIC_WRITE:
    case FILE_GENERIC_WRITE:
      return WRITE;
    case (GENERIC_READ | GENERIC_WRITE) >>> 0:
    case FILE_GENERIC_READ | FILE_GENERIC_WRITE:
      return READ | WRITE;
  }
  throw failure("ENOTSUP", "open", {
    message: `Cannot give a duplicate of fd ${fd} the access ${show(access)}: this system knows ` +
      'only reading and writing; use "read", "write", "read-write", GENERIC_* or FILE_GENERIC_*',
    handle: fd,
  });
}
