/**
 * Adoption on POSIX. The `node:fs` of Node and Bun takes any descriptor. That of Deno takes only one that
 * it opened itself: there the runtime opens a placeholder, and `dup3` puts our object in its place.
 */
import type { FileHandle } from "node:fs/promises";
import { failure, type HandleError } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import type { Adopter } from "./types.ts";
import { closeOrWarn, closeQuietly } from "../util/late_close.ts";
import { nodeFs } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { posixPlatform } from "./posix.ts";
import { runtimeError } from "../util/runtime_error.ts";

/** The null device: every system has it, and every user may read it. */
const PLACEHOLDER = "/dev/null";

/** Adoption on POSIX. */
export const posixAdopter: Adopter = {
  toFd(raw, inheritable) {
    if (takesAnyFd()) return raw;
    let fd: number;
    try {
      fd = copyToFd(raw, inheritable);
    } catch (error) {
      closeQuietly(() => posixPlatform.close(raw));
      throw error;
    }
    closeOrWarn(() => posixPlatform.close(raw));
    return fd;
  },
  // Async, so that all errors reject.
  async toFileHandle(raw, inheritable) {
    return await fileHandleOf(posixAdopter.toFd(raw, inheritable));
  },
  copyToFd,
  async copyToFileHandle(raw, inheritable) {
    return await fileHandleOf(copyToFd(raw, inheritable));
  },
};

/** Whether the runtime's `node:fs` takes a descriptor that other code has opened. */
function takesAnyFd(): boolean {
  return !("Deno" in globalThis);
}

/** A descriptor of the runtime for the object of another one. No other descriptor is closed. */
function copyToFd(raw: RawHandle, inheritable: boolean): number {
  if (takesAnyFd()) return posixPlatform.duplicate(raw, inheritable, undefined);
  const fd = openPlaceholder();
  try {
    posixPlatform.duplicateOnto(raw, fd, inheritable);
  } catch (error) {
    closeQuietly(() => nodeFs().closeSync(fd));
    throw error;
  }
  return fd;
}

/** Makes a `FileHandle` of a descriptor that the runtime's `node:fs` takes. */
type Construct = (fd: number) => FileHandle;

/** How this runtime's `FileHandle` is made; `null` when that cannot be found out. */
let construct: Construct | null | undefined;

/**
 * The runtime's own `FileHandle`, which owns the descriptor from then on. No runtime has a public function
 * for it, so the first call opens a placeholder and finds out how its class is constructed.
 *
 * Where that is not known, our object takes the place of a placeholder, and the descriptor is closed.
 *
 * @param fd the descriptor; it is consumed, whatever the outcome
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
    closeOrWarn(() => nodeFs().closeSync(fd));
    return file;
  } catch (error) {
    closeQuietly(() => nodeFs().closeSync(fd));
    throw error;
  }
}

/** Finds out how a `FileHandle` is made, and tries it on a placeholder. */
async function findConstruct(): Promise<Construct | null> {
  const sample = await openPlaceholderHandle();
  const found = constructLike(sample);
  await closePlaceholder(sample);
  if (found === null) return null;
  const fd = openPlaceholder();
  const made = found(fd);
  const hasFd = made.fd === fd;
  await closePlaceholder(made);
  return hasFd && made.fd === -1 ? found : null;
}

/** Closes a file that still is the null device: an error of it means nothing. */
async function closePlaceholder(file: FileHandle): Promise<void> {
  await file.close().catch(() => {});
}

/**
 * Makes another one as this one was made: in Node the class takes an object of a class in C++, which closes
 * its descriptor when it is collected. So the class is first tried without any; `null` when that fails.
 */
function constructLike(sample: FileHandle): Construct | null {
  const FileHandle = sample.constructor as new (from: unknown, flags?: string) => FileHandle;
  try {
    new FileHandle(undefined);
  } catch {
    return null;
  }
  const symbols = Object.getOwnPropertySymbols(sample);
  const key = symbols.find(({ description }) => description === "kHandle");
  if (key === undefined) return (fd) => new FileHandle(fd, "r");
  const { constructor } = (sample as unknown as Record<symbol, object>)[key]!;
  const Native = constructor as new (fd: number) => object;
  return (fd) => new FileHandle(new Native(fd));
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
