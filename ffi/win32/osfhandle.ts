/** C-runtime descriptors of the running runtime, and the `HANDLE`s behind them. */
import type { Calls } from "../backend/types.ts";
import { checkFd } from "../check.ts";
import { failure, failureByCode, type HandleError, hasCode, systemError } from "../error.ts";
import { loadLibrary } from "../backend/library.ts";
import { uv } from "./symbols/base.ts";
import { checkHandle } from "./check.ts";
import { STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE } from "./constants.ts";
import { showHandle } from "./errors.ts";
import { kernel32 } from "./libraries.ts";

const standard = [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE];

/** `null` where the runtime's executable exports no such function, as Deno's. */
let exported: Calls<typeof uv> | null | undefined;

/**
 * The `HANDLE` behind a descriptor of the runtime, which goes on owning it.
 *
 * Node and Bun answer with their own `uv_get_osfhandle`. Deno has none, so there only the standard
 * descriptors have a handle that can be found.
 *
 * @param fd a descriptor as `node:fs` hands out
 * @throws {HandleError} `EBADF` when the runtime has no such descriptor; `ENOTSUP` in Deno for a
 * descriptor above 2
 */
export function handleOfFd(fd: number): number {
  checkFd(fd);
  const exported = uvExports();
  const handle = exported === null ? standardHandle(fd) : exported.uv_get_osfhandle(fd);
  // −2 is what the C runtime gives a standard descriptor that is connected to nothing.
  if (handle === 0 || handle === -1 || handle === -2) throw notOpen(fd);
  return handle;
}

/**
 * Makes a descriptor of the runtime from a `HANDLE`, at the lowest free number. From then on the
 * `HANDLE` belongs to the descriptor: the runtime's `closeSync` closes both.
 *
 * @param handle a real handle, which nobody else closes
 * @throws {HandleError} `EMFILE` when the C runtime's table is full, with the handle left open;
 * `ENOTSUP` in Deno
 */
export function fdOfHandle(handle: number): number {
  checkHandle(handle, "handle");
  const exported = uvExports();
  if (exported === null) {
    throw failure("ENOTSUP", "uv_open_osfhandle", {
      message: `Cannot make handle ${showHandle(handle)} a descriptor: this runtime exports no ` +
        "way to do it; use the Handle itself, or copyFileHandle() for an object with the methods " +
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
  // Deno would also want the permission to know its own path.
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
    message: `Cannot find the HANDLE of fd ${fd}: this runtime does not tell it; open the ` +
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
