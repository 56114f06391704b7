/** From a C-runtime descriptor of the running runtime to the `HANDLE` behind it. */
import type { Calls } from "../backend.ts";
import { checkFd } from "../check.ts";
import { failureByCode } from "../codes.ts";
import { failure, HandleError, systemError } from "../error.ts";
import { loadLibrary } from "../library.ts";
import { uv } from "../symbols/windows.ts";
import { STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE } from "./constants.ts";
import { GetStdHandle } from "./process.ts";

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
  if (exported === undefined) exported = loadUv();
  const handle = exported === null ? standardHandle(fd) : exported.uv_get_osfhandle(fd);
  // −2 is what the C runtime gives a standard descriptor that is connected to nothing.
  if (handle === 0 || handle === -1 || handle === -2) throw notOpen(fd);
  return handle;
}

function loadUv(): Calls<typeof uv> | null {
  // Deno would also want the permission to know its own path.
  if ("Deno" in globalThis) return null;
  try {
    return loadLibrary([globalThis.process.execPath], uv);
  } catch (error) {
    if (error instanceof HandleError && error.code === "ENOENT") return null;
    throw error;
  }
}

function standardHandle(fd: number): number {
  const which = standard[fd];
  if (which !== undefined) return GetStdHandle(which);
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
