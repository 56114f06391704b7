/**
 * The pool on Windows. There the table of the C runtime is small, while a process may have millions of
 * handles. So every file is parked as its handle, and its descriptor is made from a duplicate.
 */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { CloseHandle, GetHandleInformation } from "../../ffi/win32/handle.ts";
import { fdOfHandle } from "../../ffi/win32/osfhandle.ts";
import { closeWithNodeFs } from "../handle/runtime_source.ts";
import { attemptEach } from "../util/attempts.ts";
import { closeQuietly } from "../util/late_close.ts";
import type { PoolBackend } from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { refuseUnduplicable, windowsPlatform } from "../handle/windows.ts";

/** The backend in Node and Bun, which can make a descriptor from a handle. */
export class FdPoolBackend implements PoolBackend<RawHandle> {
  attach(raw: RawHandle, reusable: number | undefined): { fd: number; spot: RawHandle } {
    return { fd: this.fetch(raw, reusable), spot: raw };
  }

  consume(): void {} // the handle is the spot

  park(fd: number): RawHandle {
    throw new Error(`fd ${fd} is parked already`); // attach parks every file
  }

  fetch(spot: RawHandle, reusable: number | undefined): number {
    // First, so that the C runtime has a free number.
    if (reusable !== undefined) this.closeFd(reusable);
    const copy = windowsPlatform.duplicate(spot, false, undefined);
    try {
      return fdOfHandle(copy);
    } catch (error) {
      closeQuietly(() => CloseHandle(copy));
      throw hasCode(error, "EMFILE") ? noDescriptors(error) : error;
    }
  }

  forget(spot: RawHandle): void {
    CloseHandle(spot);
  }

  refuseProtected(spot: RawHandle): void {
    windowsPlatform.refuseProtected(spot);
  }

  closeFd(fd: number): void {
    closeWithNodeFs(fd);
  }

  close(spots: readonly RawHandle[]): void {
    attemptEach(spots, CloseHandle);
  }
}

/** The advice of the error itself, to use a pool, would not help. */
function noDescriptors(cause: HandleError): Error {
  return failure("EMFILE", cause.syscall, {
    message:
      "Cannot page a file in: the C runtime has at most 8192 descriptors, and none is free; " +
      "make the pool with a lower limit, or close what is not needed",
    cause,
  });
}

/**
 * The backend in Deno, which cannot make a descriptor from a handle: the "descriptors" are the handles.
 */
export class HandlePoolBackend implements PoolBackend<RawHandle> {
  attach(raw: RawHandle): { fd: number; spot: RawHandle } {
    // The errors that duplicating the handle throws in the other runtimes.
    GetHandleInformation(raw);
    refuseUnduplicable(raw, "DuplicateHandle");
    return { fd: raw, spot: raw };
  }

  consume(): void {} // the handle is the spot

  park(fd: number): RawHandle {
    return fd;
  }

  fetch(spot: RawHandle): number {
    return spot;
  }

  forget(spot: RawHandle): void {
    CloseHandle(spot);
  }

  refuseProtected(spot: RawHandle): void {
    windowsPlatform.refuseProtected(spot);
  }

  closeFd(): void {} // the handle is the spot, which `forget` and `close` release

  close(spots: readonly RawHandle[]): void {
    attemptEach(spots, CloseHandle);
  }
}
