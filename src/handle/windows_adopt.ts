/**
 * Adoption on Windows. Node and Bun export what makes a descriptor of their C runtime from a
 * `HANDLE`. A `FileHandle` is made on the null device; then its descriptor is closed and at once
 * opened again around our handle, in the same slot of the C runtime's table. Deno exports nothing of the kind:
 * what it opened is made to refer to our object.
 */
import type { FileHandle } from "node:fs/promises";
import type { Socket } from "node:net";
import { failure } from "../../ffi/error.ts";
import { FILE_TYPE_DISK, FILE_TYPE_UNKNOWN } from "../../ffi/win32/constants.ts";
import { showHandle } from "../../ffi/win32/errors.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { isIdle } from "../../ffi/win32/inspect.ts";
import { fileTypeOf, kindOf, NtQueryObject } from "../../ffi/win32/object.ts";
import { fdOfHandle } from "../../ffi/win32/osfhandle.ts";
import { isSynchronous } from "../../ffi/win32/winsock.ts";
import type { Adopter, FsFiles } from "./types.ts";
import { closeOrWarn, closeQuietly, consume } from "../util/late_close.ts";
import { nodeFs, nodeNet, sleep } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { copyToDenoFd, copyToDenoFile } from "../windows_file/adopt.ts";
import { handlesOfDenoFile } from "../windows_file/fd_table.ts";
import { refuseUnduplicable, windowsPlatform } from "./windows.ts";

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

/** Adoption in Deno. */
export const denoWindowsAdopter: Adopter = {
  toFd(raw, inheritable) {
    return consume({ close: () => CloseHandle(raw) }, () => copyToFdOfDeno(raw, inheritable));
  },
  async toFileHandle(raw, inheritable) {
    try {
      // Only Deno needs these modules, and only here.
      const { fileHandleFor } = await import("../windows_file/file_handle.ts");
      const file = isPlainFile(raw) ? await fileHandleFor(raw, inheritable) : undefined;
      if (file !== undefined) {
        closeOrWarn(() => CloseHandle(raw));
        return file;
      }
      if (inheritable) windowsPlatform.setInheritable(raw, true);
      const { WindowsFile } = await import("../windows_file/mod.ts");
      // It has the methods of a FileHandle, with one signature where a FileHandle has several.
      return new WindowsFile(raw) as unknown as FileHandle;
    } catch (error) {
      closeQuietly(() => CloseHandle(raw));
      throw error;
    }
  },
  copyToFd: copyToFdOfDeno,
  copyToFileHandle: copiesBy(() => denoWindowsAdopter).copyToFileHandle,
};

/** `Deno.FsFile` on Windows. */
export const windowsFsFiles: FsFiles = {
  handlesOf: handlesOfDenoFile,
  copyOf(raw, inheritable) {
    requireFile(raw);
    return copyToDenoFile(raw, inheritable);
  },
};

function copyToFdOfDeno(raw: RawHandle, inheritable: boolean): number {
  requireFile(raw);
  return copyToDenoFd(raw, inheritable);
}

/**
 * Throws unless Deno can read from the handle, or write to it, as from a file. Of what was opened as overlapped, Deno
 * ends the process when a read has not ended as soon as another one has.
 */
function requireFile(raw: RawHandle): void {
  refuseUnduplicable(raw, "DuplicateHandle");
  NtQueryObject(raw); // throws when it is not open
  if (isQuiet(raw) && fileTypeOf(raw) !== FILE_TYPE_UNKNOWN && isSynchronous(raw)) return;
  const isFile = kindOf(raw) === "File";
  const isBusy = isFile && !isIdle(raw);
  throw failure(isBusy ? "EBUSY" : "ENOTSUP", "DuplicateHandle", {
    message: `Cannot make handle ${showHandle(raw)} a file of Deno: ` +
      (!isFile
        ? "it is no file; use the Handle itself"
        : isBusy
        ? "an operation of another thread on it is under way, or it was opened as overlapped; use toFileHandle()"
        : "it was opened as overlapped; use toFileHandle()"),
    handle: raw,
  });
}

/** Whether it is a file on a disk that Deno can read without waiting for another process. */
function isPlainFile(raw: RawHandle): boolean {
  return isQuiet(raw) && fileTypeOf(raw) === FILE_TYPE_DISK && isSynchronous(raw);
}

/** How often the end of an operation of another thread is waited for, 1 ms each. */
const MAX_WAITS = 50;

/**
 * Whether it is a file on which no operation is under way. While there is one, a query waits for its end, which for a
 * pipe may never come.
 */
function isQuiet(raw: RawHandle): boolean {
  if (kindOf(raw) !== "File") return false; // a wait would take what the object has: a mutex, a semaphore
  for (let waits = 0; !isIdle(raw); waits++) {
    if (waits === MAX_WAITS) return false;
    sleep(1);
  }
  return true;
}

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
