/** What the runtime owns, a descriptor or an object that has one: as a source, and closing it. */
import { checkFd, isFd, isPromise, show } from "../../ffi/check.ts";
import { failure, hasCode } from "../../ffi/error.ts";
import { type FsFile, isFsFile, rawOfFsFile } from "./deno_file.ts";
import { platform } from "./platform.ts";
import type { Owner } from "../util/late_close.ts";
import { nodeFs } from "../util/node.ts";
import { runtimeError } from "../util/runtime_error.ts";
import { tryOrUndefined } from "../util/try_or_undefined.ts";
import { lookupFd } from "../windows_file/fd_table.ts";

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
  readonly #close: CloseMethod | undefined;

  /** @param close the method of the source that closes it, where that was read already */
  constructor(fd: number, source: number | HasFd | FsFile, close?: CloseMethod) {
    this.#fd = fd;
    this.#source = source;
    this.#close = close;
  }

  /** Closes the source. Returns the promise of a `FileHandle`, for which the caller may wait. */
  close(): unknown {
    const close = this.#close ?? readClose(this.#source);
    if (close === undefined) return closeRuntimeFd(this.#fd);
    refuseProtectedFd(this.#fd);
    return close.call(this.#source);
  }
}

type CloseMethod = () => unknown;

/**
 * What closes an object; `undefined` for a number.
 *
 * @throws {TypeError} for an object that cannot be closed: it would go on using a closed number
 */
export function closeMethodOf(source: number | HasFd | FsFile): CloseMethod | undefined {
  if (typeof source !== "object" || source === null) return undefined;
  const close = readClose(source);
  if (close !== undefined || readFd(source) === undefined) return close;
  throw new TypeError(
    "Cannot take the handle out of an object that has no close(): duplicate it instead",
  );
}

function readClose(source: number | HasFd | FsFile): CloseMethod | undefined {
  const { close } = source as { close?: unknown };
  return typeof close === "function" ? close as CloseMethod : undefined;
}

/**
 * Closes a descriptor with the runtime that owns it.
 *
 * Deno closes only descriptors that its own `node:fs` opened. It does not know any other one: the
 * operating system closes that.
 *
 * @returns the promise of a file of ours in Deno for Windows
 */
export function closeRuntimeFd(fd: number): unknown {
  refuseProtectedFd(fd);
  const file = lookupFd(fd);
  if (file !== undefined) return file.close();
  try {
    return closeWithNodeFs(fd);
  } catch (error) {
    if (!("Deno" in globalThis) || !hasCode(error, "EBADF")) throw error;
    return platform().close(platform().rawOfFd(fd));
  }
}

/**
 * Throws when the handle of a descriptor is protected from closing, which only Windows knows. There the
 * runtime would free the descriptor, call it "not open", and leave the handle open.
 */
export function refuseProtectedFd(fd: number): void {
  const raw = tryOrUndefined(() => platform().rawOfFd(fd));
  if (raw !== undefined) platform().refuseProtected(raw);
}

/**
 * Closes a descriptor that the runtime's `node:fs` has opened.
 *
 * @throws {HandleError} with the code of the runtime's error: `EBADF` when other code has closed it
 */
export function closeWithNodeFs(fd: number): void {
  const fs = nodeFs();
  try {
    fs.closeSync(fd);
  } catch (cause) {
    throw runtimeError(cause, "close", `fd ${fd}`, fd);
  }
}
