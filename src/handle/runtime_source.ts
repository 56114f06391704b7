/** Sources that the runtime owns: a descriptor, or an object that has one. */
import { checkFd, isFd, isPromise, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { closeRuntimeFd } from "./adopt.ts";
import { type FsFile, isFsFile, rawOfFsFile } from "./deno_file.ts";
import type { Owner } from "./raw.ts";

/** An object with a descriptor of the runtime, such as a `FileHandle` or `process.stdout`. */
export interface HasFd {
  /** A descriptor of the runtime; −1 once it is closed. */
  readonly fd: number;
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

  /** Throws a `TypeError` for an object that cannot be closed: it would go on using a closed number. */
  requireClose(): void {
    if (typeof this.#source === "number" || this.#closeMethod() !== undefined) return;
    throw new TypeError(
      "Cannot take the handle out of an object that has no close(): duplicate it instead",
    );
  }

  /** Closes the source. Returns the promise of a `FileHandle`, for which the caller may wait. */
  close(): unknown {
    const close = this.#closeMethod();
    return close === undefined ? closeRuntimeFd(this.#fd) : close.call(this.#source);
  }

  #closeMethod(): (() => unknown) | undefined {
    const { close } = this.#source as { close?: unknown };
    return typeof close === "function" ? close as () => unknown : undefined;
  }
}
