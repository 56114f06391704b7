/** C-runtime descriptors of the running runtime, and their `HANDLE`s. */
import type { Calls } from "../backend/types.ts";
import { checkFd } from "../check.ts";
import { failure, failureByCode, type HandleError, hasCode, systemError } from "../error.ts";
import { loadLibrary } from "../backend/mod.ts";
import { uv } from "./symbols/base.ts";
import { checkHandle } from "./check.ts";
import { STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE } from "./constants.ts";
import { showHandle } from "./errors.ts";
import { kernel32 } from "./libraries.ts";

const standard = [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE];

/** `null` when the executable of the runtime does not export the functions, as in Deno. */
let exported: Calls<typeof uv> | null | undefined;

/**
 * The `HANDLE` of a descriptor of the runtime. The descriptor keeps owning it.
 *
 * Node and Bun export `uv_get_osfhandle`. Deno does not, so there only the handles of the standard
 * descriptors can be found.
 *
 * @param fd a descriptor of `node:fs`
 * @throws {HandleError} `EBADF` when the runtime has no such descriptor; `ENOTSUP` in Deno for a
 * descriptor above 2
 */
export function handleOfFd(fd: number): number {
  checkFd(fd);
  const exported = uvExports();
  const handle = exported === null ? standardHandle(fd) : exported.uv_get_osfhandle(fd);
  // The C runtime returns −2 for a standard descriptor that is not connected to anything.
  if (handle === 0 || handle === -1 || handle === -2) throw notOpen(fd);
  return handle;
}

/**
 * Makes a descriptor of the runtime from a `HANDLE`, with the lowest free number. The descriptor
 * then owns the `HANDLE`: `closeSync` of the runtime closes both.
 *
 * @param handle a real handle that no other code closes
 * @throws {HandleError} `EMFILE` when the C runtime's table is full, with the handle left open;
 * `ENOTSUP` in Deno
 */
export function fdOfHandle(handle: number): number {
  checkHandle(handle, "handle");
  const exported = uvExports();
  if (exported === null) {
    throw failure("ENOTSUP", "uv_open_osfhandle", {
      message: `Cannot make handle ${showHandle(handle)} a descriptor: this runtime exports no ` +
        "function for it; use the Handle itself, or copyFileHandle() for an object with the methods " +
        "of a FileHandle",
      handle,
    });
  }
  const fd = exported.uv_open_osfhandle(handle);
  if (fd !== -1) return fd;
  throw systemError(
    failureByCode("EMFILE"),
    "uv_open_osfhandle",
    `handle ${showHandle(handle)}`,
    "the C runtime has at most 8192 descriptors: close what is not needed, or use DescriptorPool",
    handle,
  );
}

function uvExports(): Calls<typeof uv> | null {
  return exported === undefined ? (exported = loadUv()) : exported;
}

function loadUv(): Calls<typeof uv> | null {
  // In Deno, execPath also requires a permission.
  if ("Deno" in globalThis) return null;
  try {
    return loadLibrary([globalThis.process.execPath], uv);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

function standardHandle(fd: number): number {
  const which = standard[fd];
  if (which !== undefined) return kernel32().GetStdHandle(which);
  throw failure("ENOTSUP", "uv_get_osfhandle", {
    message: `Cannot find the HANDLE of fd ${fd}: this runtime does not expose it; open the ` +
      "file with CreateFileW from duphandle/win32 and use borrow(handle), or fd 0, 1 or 2",
    handle: fd,
  });
}

function notOpen(fd: number): HandleError {
  return systemError(
    failureByCode("EBADF"),
    "uv_get_osfhandle",
    `fd ${fd}`,
    "it is closed or was never open: check how it was opened",
    fd,
  );
}
