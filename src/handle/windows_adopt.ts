/**
 * Adoption on Windows. Node and Bun export what makes a descriptor of their C runtime from a
 * `HANDLE`. A `FileHandle` is made on the null device; then its descriptor is closed and at once
 * opened again around our handle, in the same slot of the C runtime's table.
 */
import type { FileHandle } from "node:fs/promises";
import type { Socket } from "node:net";
import { failure } from "../../ffi/error.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { fdOfHandle } from "../../ffi/win32/osfhandle.ts";
import type { Adopter } from "./types.ts";
import { closeOrWarn, closeQuietly } from "../util/late_close.ts";
import { nodeFs, nodeNet } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { windowsPlatform } from "./windows.ts";

const PLACEHOLDER = "\\\\.\\NUL";

/** The most attempts: in each one another thread may take our slot, which is rare. */
const MAX_ATTEMPTS = 100;

/** Placeholders whose slot belongs to another file now: they are never used, closed or collected. */
const abandoned: FileHandle[] = [];

/** Adoption in Node and Bun. */
export const windowsAdopter: Adopter = {
  ...copiesBy(() => windowsAdopter),
  toFd,
  async toFileHandle(raw, inheritable) {
    let file: FileHandle;
    try {
      file = await fileHandleOf(raw, inheritable);
    } catch (error) {
      closeQuietly(() => CloseHandle(raw));
      throw error;
    }
    closeOrWarn(() => CloseHandle(raw));
    return file;
  },
};

/** Adoption in Deno, which cannot take over a handle: an object of ours with a `FileHandle`'s methods. */
export const denoWindowsAdopter: Adopter = {
  ...copiesBy(() => denoWindowsAdopter),
  toFd,
  async toFileHandle(raw, inheritable) {
    try {
      if (inheritable) windowsPlatform.setInheritable(raw, true);
      // Only Deno needs these modules, and only here.
      const { WindowsFile } = await import("../windows_file/mod.ts");
      // It has the methods of a FileHandle, with one signature where a FileHandle has several.
      return new WindowsFile(raw) as unknown as FileHandle;
    } catch (error) {
      closeQuietly(() => CloseHandle(raw));
      throw error;
    }
  },
};

/** Copies: a duplicate that the runtime takes over. */
function copiesBy(adopter: () => Adopter): Pick<Adopter, "copyToFd" | "copyToFileHandle"> {
  const duplicate = (raw: RawHandle, inheritable: boolean) =>
    windowsPlatform.duplicate(raw, inheritable, undefined);
  return {
    copyToFd: (raw, inheritable) => toFd(duplicate(raw, inheritable), inheritable),
    copyToFileHandle: async (raw, inheritable) =>
      await adopter().toFileHandle(duplicate(raw, inheritable), inheritable),
  };
}

function toFd(raw: RawHandle, inheritable: boolean): number {
  try {
    if (inheritable) windowsPlatform.setInheritable(raw, true);
    return fdOfHandle(raw);
  } catch (error) {
    closeQuietly(() => CloseHandle(raw));
    throw error;
  }
}

/** A `FileHandle` of the runtime around a duplicate of the handle. */
async function fileHandleOf(raw: RawHandle, inheritable: boolean): Promise<FileHandle> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const own = windowsPlatform.duplicate(raw, inheritable, undefined);
    let file: FileHandle;
    try {
      file = await nodeFs().promises.open(PLACEHOLDER, "r");
    } catch (error) {
      closeQuietly(() => CloseHandle(own));
      throw error;
    }
    if (takeSlot(file.fd, own)) return file;
    if (refillSlot(file.fd)) closeQuietly(() => file.close());
    else abandoned.push(file);
  }
  throw failure("EBUSY", "uv_open_osfhandle", {
    message: "Cannot make the runtime own a handle: other threads took its descriptor " +
      `${MAX_ATTEMPTS} times; call again`,
    handle: raw,
  });
}

/**
 * Puts the handle into the slot of the placeholder. Returns whether that worked; else the handle is closed.
 * The C runtime takes the lowest free number, which is not our slot when another thread took it, or when a
 * lower number became free.
 */
function takeSlot(slot: number, own: RawHandle): boolean {
  const { closeSync } = nodeFs();
  let fd: number;
  try {
    closeSync(slot);
    fd = fdOfHandle(own);
  } catch {
    closeQuietly(() => CloseHandle(own));
    return false;
  }
  if (fd === slot) return true;
  closeQuietly(() => closeSync(fd));
  return false;
}

/**
 * Gives a placeholder its descriptor back, so that it can be closed like any other file. Returns whether
 * that worked: it is impossible when another file has the slot by now.
 */
function refillSlot(slot: number): boolean {
  const { closeSync, openSync } = nodeFs();
  const fillers: number[] = [];
  let fd = -1;
  try {
    while (fd < slot) {
      fd = openSync(PLACEHOLDER, "r");
      if (fd !== slot) fillers.push(fd);
    }
  } catch {
    // Too many open files: the slot stays empty.
  }
  for (const filler of fillers) closeQuietly(() => closeSync(filler));
  return fd === slot;
}

/** An end of a pipe as a socket of Node that only reads or only writes, and owns it. */
export function pipeStream(raw: RawHandle, direction: "readable" | "writable"): Socket {
  let fd: number;
  try {
    fd = fdOfHandle(raw);
  } catch (error) {
    closeQuietly(() => CloseHandle(raw));
    throw error;
  }
  try {
    const readable = direction === "readable";
    return new (nodeNet().Socket)({ fd, readable, writable: !readable });
  } catch (error) {
    closeQuietly(() => nodeFs().closeSync(fd));
    throw error;
  }
}
