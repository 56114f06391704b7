/**
 * The pool on Windows. There the C runtime's table is what is small; of handles there are plenty. So a
 * file is kept by its handle, and its descriptor is made of a duplicate.
 */
import { CloseHandle, GetHandleInformation } from "../../ffi/win32/handle.ts";
import { fdOfHandle } from "../../ffi/win32/osfhandle.ts";
import { closeWithNodeFs } from "../handle/adopt.ts";
import { attemptEach } from "../util/attempts.ts";
import type { Residence } from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { refuseUnduplicable } from "../handle/windows_kinds.ts";
import { windowsPlatform } from "../handle/windows.ts";

/** The pool in Node and Bun. */
export class WindowsResidence implements Residence<RawHandle> {
  settle(raw: RawHandle, slot: number | undefined): { fd: number; place: RawHandle } {
    return { fd: this.fetch(raw, slot), place: raw };
  }

  release(): void {} // the place is the handle itself

  park(fd: number): RawHandle {
    throw new Error(`fd ${fd} is kept already`); // settle keeps everything
  }

  fetch(place: RawHandle, slot: number | undefined): number {
    // Before, so that the C runtime has a free number.
    if (slot !== undefined) this.leave(slot);
    const copy = windowsPlatform.duplicate(place, false, undefined);
    try {
      return fdOfHandle(copy);
    } catch (error) {
      CloseHandle(copy);
      throw error;
    }
  }

  forget(place: RawHandle): void {
    CloseHandle(place);
  }

  leave(fd: number): void {
    closeWithNodeFs(fd);
  }

  close(places: readonly RawHandle[]): void {
    attemptEach(places, CloseHandle);
  }
}

/** The pool in Deno, which has no descriptors for handles of others: it gives the handles themselves. */
export class HandleResidence implements Residence<RawHandle> {
  settle(raw: RawHandle): { fd: number; place: RawHandle } {
    // What a duplicate would find out in the other runtimes.
    GetHandleInformation(raw);
    refuseUnduplicable(raw, "DuplicateHandle");
    return { fd: raw, place: raw };
  }

  release(): void {}

  park(fd: number): RawHandle {
    return fd;
  }

  fetch(place: RawHandle): number {
    return place;
  }

  forget(place: RawHandle): void {
    CloseHandle(place);
  }

  leave(): void {}

  close(places: readonly RawHandle[]): void {
    attemptEach(places, CloseHandle);
  }
}
