/** The sources of duplicates, and how the raw handle of each is found. */
import { checkFd, isFd, isPromise, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { closeRuntimeFd, refuseProtectedFd } from "./adopt.ts";
import type { Owner } from "./raw.ts";
import { type FsFile, isFsFile, rawOfFsFile } from "./deno_file.ts";
import { type Handle, isHandle, OwnedHandle } from "./handle.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/** An object with a descriptor of the runtime, such as a `FileHandle` or `process.stdout`. */
export interface HasFd {
  /** A descriptor of the runtime; −1 once it is closed. */
  readonly fd: number;
}

/**
 * What can be duplicated: a descriptor of the running runtime as `node:fs` returns it, an object that has
 * one, a {@linkcode Handle}, or, in Deno on Linux, a `Deno.FsFile`.
 *
 * A number is always a descriptor of the runtime, also on Windows, where a `HANDLE` is another number:
 * {@linkcode borrow} makes a source of that.
 */
export type HandleSource = number | HasFd | Handle | FsFile;

/** The raw handle of a source. */
export function rawOf(source: HandleSource): RawHandle {
  return isHandle(source) ? source.raw : platform().rawOfFd(fdOf(source));
}

/**
 * The runtime's descriptor of a source that is not a {@linkcode Handle}. Its `fd` is read once, so that
 * the number that is used is the one that was checked.
 */
export function fdOf(source: number | HasFd | FsFile): number {
  if (isFd(source)) return source;
  if (isFsFile(source)) return rawOfFsFile(source);
  if (typeof source === "number") checkFd(source, "a source");
  const fd = readFd(source);
  if (fd === -1) {
    throw failure("EBADF", "fcntl", {
      message: "Cannot use a source whose fd is -1: it is closed, or it is not a file; " +
        "duplicate it before it is closed",
      handle: -1,
    });
  }
  checkFd(fd, "the fd of a source");
  return fd;
}

function readFd(source: unknown): unknown {
  if (typeof source !== "object" || source === null) throw notASource(source);
  let fd: unknown;
  try {
    fd = (source as { fd?: unknown }).fd;
  } catch (cause) {
    throw new TypeError("Cannot use a source whose fd cannot be read", { cause });
  }
  if (fd === undefined) throw notASource(source);
  return fd;
}

function notASource(value: unknown): TypeError {
  const hint = typeof value === "string"
    ? "; open the file first"
    : isPromise(value)
    ? "; await it first"
    : "";
  return new TypeError(
    `Cannot use ${show(value)} as a source: it must be an fd, an object with an fd, or a Handle` +
      hint,
  );
}

/**
 * What closes a source: the owner of the handle, or the runtime.
 *
 * @throws {TypeError} when the source is borrowed
 */
export function ownerOf(source: HandleSource): Owner {
  if (!isHandle(source)) return new RuntimeSource(fdOf(source), source);
  if (source instanceof OwnedHandle) return source;
  throw new TypeError("Cannot close a borrowed source: only its owner may");
}

/**
 * A source that the runtime owns, so that the runtime must close it: otherwise its table would still have
 * the number, and it would close another file later, which has the number by then.
 */
export class RuntimeSource implements Owner {
  readonly #fd: number;
  readonly #source: number | HasFd | FsFile;

  constructor(fd: number, source: number | HasFd | FsFile) {
    this.#fd = fd;
    this.#source = source;
  }

  /** Closes the source. Returns the promise of a `FileHandle`, for which the caller may wait. */
  close(): unknown {
    const { close } = this.#source as { close?: unknown };
    if (typeof close === "function") {
      refuseProtectedFd(this.#fd);
      return close.call(this.#source);
    }
    return closeRuntimeFd(this.#fd);
  }
}
