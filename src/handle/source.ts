/** The sources of duplicates, and how the raw handle of each is found. */
import { show } from "../../ffi/check.ts";
import { type FsFile, isFsFile } from "./deno_file.ts";
import {
  BorrowedHandle,
  borrowedHandle,
  type Handle,
  isHandle,
  isOwnedHandle,
  OwnedHandle,
  rawOfHandle,
} from "./handle.ts";
import type { KnownSource } from "./raw.ts";
import type { Owner } from "../util/late_close.ts";
import type { NetworkSource } from "./network_source.ts";
import {
  fdOf,
  type HasFd,
  rawBehind,
  readClose,
  requireConsumable,
  RuntimeSource,
} from "./runtime_source.ts";
import { closeQuietly } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * What can be duplicated: a descriptor of the running runtime as `node:fs` returns it, an object that has
 * one, a {@linkcode Handle}, a server, socket or stream of the runtime ({@linkcode NetworkSource}), or, in Deno
 * on Linux and Windows, a `Deno.FsFile`.
 *
 * A number is always a descriptor of the runtime, also on Windows, where a `HANDLE` is another number:
 * {@linkcode borrow} makes a source of that.
 */
export type HandleSource = number | HasFd | Handle | FsFile | NetworkSource;

/**
 * Makes a {@linkcode BorrowedHandle} of a handle that other code owns, so that it can be a source.
 *
 * The number is a raw handle, as {@linkcode Handle.raw} is: a descriptor on POSIX, a `HANDLE` on
 * Windows. A descriptor of the runtime is no `HANDLE` there: give it to {@linkcode duplicate}, which
 * takes a number for one. −2, this thread, is allowed on Windows; −1 is refused, because it is also what
 * a failed call returns.
 *
 * @param raw the raw handle, which must stay open as long as the result is used
 * @returns the borrowed handle, which is not to be closed
 * @throws {TypeError} when the number cannot be a handle
 *
 * @example
 * ```ts
 * import { borrow, duplicate } from "duphandle";
 *
 * using stdout = duplicate(1);
 * using second = borrow(stdout.raw).duplicate();
 * ```
 */
export function borrow(raw: RawHandle): BorrowedHandle {
  return borrowedHandle(raw);
}

/** The raw handle of a source. */
export function rawOf(source: HandleSource): RawHandle {
  return isHandle(source) ? rawOfHandle(source) : rawBehind(source, fdOf(source));
}

/**
 * The raw handles of several sources. Every getter of the user runs before any handle is looked at, since
 * one may close another source.
 */
export function rawsOf(sources: readonly HandleSource[]): RawHandle[] {
  // A class of the user's may have a `raw` of its own; that of ours runs no code of the user.
  const reads = sources.map((source): () => RawHandle => {
    if (!isHandle(source)) {
      const fd = fdOf(source);
      return () => rawBehind(source, fd);
    }
    if (isOurs(source)) return () => source.raw;
    const raw = rawOfHandle(source);
    return () => raw;
  });
  return reads.map((read) => read());
}

/**
 * Checks handles by name, and reads which there are; not yet what they are.
 *
 * @throws {TypeError} when it is no object of sources
 */
export function namedSources(handles: unknown): [name: string, source: HandleSource][] {
  if (handles === undefined) return [];
  if (typeof handles !== "object" || handles === null || Symbol.iterator in handles) {
    throw new TypeError(
      `Cannot use ${show(handles)} as handles: it must be an object of sources by name`,
    );
  }
  return Object.entries(handles) as [string, HandleSource][];
}

/** Whether it is of a class of this library, and not of one that extends it. */
function isOurs(handle: Handle): boolean {
  const prototype: unknown = Object.getPrototypeOf(handle);
  return prototype === OwnedHandle.prototype || prototype === BorrowedHandle.prototype;
}

/**
 * The raw handle of a source and what closes it. The `fd` of an object is read once.
 *
 * @param isConsumed whether a `Deno.FsFile` is closed also when its descriptor cannot be found
 */
export function knownSource(source: HandleSource, isConsumed: boolean = false): KnownSource {
  if (isHandle(source)) return { raw: rawOfHandle(source), owner: ownerOf(source) };
  let fd: number;
  try {
    fd = fdOf(source);
  } catch (error) {
    if (isConsumed && isFsFile(source)) closeQuietly(() => (source as { close(): void }).close());
    throw error;
  }
  if (isConsumed) requireConsumable(source, fd);
  const close = isConsumed ? readClose(source) : undefined;
  return { raw: rawBehind(source, fd), owner: new RuntimeSource(fd, source, close) };
}

/** What closes a handle; `undefined` when it is borrowed. */
export function ownerOf(handle: Handle): Owner | undefined {
  return isOwnedHandle(handle) ? handle : undefined;
}
