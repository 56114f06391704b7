/**
 * Adoption on POSIX. The `node:fs` of Node and Bun takes any descriptor. That of Deno, and that of Node in a
 * worker thread, takes one that it opened itself: there the runtime opens a placeholder, and `dup3` puts our
 * object in its place.
 */
import type { FileHandle } from "node:fs/promises";
import { failure, type HandleError } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import type { Adopter } from "./types.ts";
import { closeOrWarn, closeQuietly, consume } from "../util/late_close.ts";
import { type Construct, constructLike, isWorker, nodeFs } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { posixPlatform } from "./posix.ts";
import { runtimeError } from "../util/platform.ts";

/** The null device: every system has it, and every user may read it. */
const PLACEHOLDER = "/dev/null";

/** Adoption on POSIX. */
export const posixAdopter: Adopter = {
  toFd(raw, inheritable) {
    return needsOwnFd() ? exchange(raw, inheritable) : raw;
  },
  // Async, so that all errors reject.
  async toFileHandle(raw, inheritable) {
    return await fileHandleOf(isDeno() ? exchange(raw, inheritable) : raw);
  },
  copyToFd(raw, inheritable) {
    return needsOwnFd() ? copyOntoPlaceholder(raw, inheritable) : duplicate(raw, inheritable);
  },
  async copyToFileHandle(raw, inheritable) {
    // What finding the class needs must be there before anything is duplicated: to close the duplicate
    // of a copy that fails would end the record locks of the file.
    const reserve = construct === undefined ? openPlaceholder() : undefined;
    let fd: number;
    try {
      fd = isDeno() ? copyOntoPlaceholder(raw, inheritable) : duplicate(raw, inheritable);
    } finally {
      if (reserve !== undefined) closeQuietly(() => nodeFs().closeSync(reserve));
    }
    return await fileHandleOf(fd);
  },
};

function isDeno(): boolean {
  return "Deno" in globalThis;
}

/**
 * Whether `node:fs` takes only a descriptor that it opened itself. In a worker thread Node takes every one,
 * but it keeps a list of its own: it warns of others, and closes at the end of the thread what is left.
 */
function needsOwnFd(): boolean {
  if (isDeno()) return true;
  if ("Bun" in globalThis) return false;
  return worker ??= isWorker();
}

let worker: boolean | undefined;

function duplicate(raw: RawHandle, inheritable: boolean): number {
  return posixPlatform.duplicate(raw, inheritable, undefined);
}

/** A descriptor of the runtime in place of the handle, which is consumed. */
function exchange(raw: RawHandle, inheritable: boolean): number {
  const close = () => posixPlatform.close(raw);
  return consume({ close }, () => copyOntoPlaceholder(raw, inheritable));
}

/** A descriptor of the runtime for the object of a handle. No other handle of the object is closed. */
function copyOntoPlaceholder(raw: RawHandle, inheritable: boolean): number {
  const fd = openPlaceholder();
  try {
    posixPlatform.duplicateOnto(raw, fd, inheritable);
  } catch (error) {
    closeQuietly(() => nodeFs().closeSync(fd));
    throw error;
  }
  return fd;
}

/** How this runtime's `FileHandle` is made; `null` when that cannot be found out. */
let construct: Construct | null | undefined;

/**
 * The runtime's own `FileHandle`, which owns the descriptor from then on. No runtime has a public function
 * for it, so the first call opens a placeholder and finds out how its class is constructed.
 *
 * Where that is not known, our object takes the place of a placeholder, and the descriptor is closed.
 *
 * @param fd the descriptor, in Deno one that it opened; it is consumed, whatever the outcome
 */
async function fileHandleOf(fd: number): Promise<FileHandle> {
  if (construct) return construct(fd);
  try {
    if (construct === undefined) construct = await findConstruct();
    if (construct) return construct(fd);
    const file = await openPlaceholderHandle();
    try {
      posixPlatform.duplicateOnto(fd, file.fd, posixPlatform.isInheritable(fd));
    } catch (error) {
      await closePlaceholder(file);
      throw error;
    }
    closeOrWarn(() => closeFd(fd));
    return file;
  } catch (error) {
    closeQuietly(() => closeFd(fd));
    throw error;
  }
}

/** Closes a descriptor that no file has taken over: in Deno one of its own. */
function closeFd(fd: number): void {
  if (isDeno()) nodeFs().closeSync(fd);
  else posixPlatform.close(fd);
}

/** Finds out how a `FileHandle` is made, and tries it on the null device. */
async function findConstruct(): Promise<Construct | null> {
  const sample = await openPlaceholderHandle();
  let fd: number;
  let found: Construct | null;
  try {
    found = constructLike(sample);
    if (found === null) return null;
    fd = isDeno() ? openPlaceholder() : duplicate(sample.fd, false);
  } finally {
    await closePlaceholder(sample);
  }
  // What a program has put in place of the class may do anything here.
  try {
    const made = found(fd);
    if (made.fd === fd) {
      await closePlaceholder(made);
      return made.fd === -1 ? found : null;
    }
  } catch {
    // It constructs no file of this descriptor.
  }
  closeQuietly(() => closeFd(fd));
  return null;
}

/** Closes a file that still is the null device: an error of it means nothing. */
async function closePlaceholder(file: FileHandle): Promise<void> {
  try {
    await file.close();
  } catch {
    // Nothing was written.
  }
}

/** Opens a descriptor of the runtime that is to refer to another object later. */
export function openPlaceholder(): number {
  try {
    return nodeFs().openSync(PLACEHOLDER, "r");
  } catch (error) {
    throw placeholderError(error);
  }
}

async function openPlaceholderHandle(): Promise<FileHandle> {
  try {
    return await nodeFs().promises.open(PLACEHOLDER, "r");
  } catch (error) {
    throw placeholderError(error);
  }
}

/** The runtime's error as a `HandleError`: a missing permission, the limit, … */
function placeholderError(cause: unknown): HandleError {
  if (!isForbidden(cause)) return runtimeError(cause, "open", PLACEHOLDER);
  return failure("EACCES", "open", {
    message: `Cannot make the runtime own a handle: it may not read ${PLACEHOLDER}; run Deno ` +
      `with --allow-read=${PLACEHOLDER}, Node with --allow-fs-read=${PLACEHOLDER}`,
    cause,
  });
}
