/** Duplicating and closing many handles at once. */
import { checkIterable, show } from "../../ffi/check.ts";
import { HandleError } from "../../ffi/error.ts";
import { Attempts } from "../util/attempts.ts";
import { requireOwner } from "../handle/raw.ts";
import { consumeAll, type Owner } from "../util/late_close.ts";
import { duplicateAll } from "./duplicate_all.ts";
import {
  closeReleased,
  isHandle,
  isOwnedHandle,
  OwnedHandle,
  ownedHandle,
  rawOfHandle,
  releaseForBatch,
} from "../handle/handle.ts";
import { type DuplicateOptions, parseDuplicateOptions } from "../handle/options.ts";
import { isFsFile } from "../handle/deno_file.ts";
import {
  fdOf,
  rawBehind,
  readClose,
  requireConsumable,
  RuntimeSource,
} from "../handle/runtime_source.ts";
import { type HandleSource, ownerOf, rawsOf } from "../handle/source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { batches } from "./platform.ts";

/**
 * Duplicates many handles: all of them, or none when one cannot be duplicated. On Linux a large batch
 * without options costs fewer system calls than there are handles; others are duplicated one by one.
 *
 * @param sources the sources, as {@linkcode duplicate} takes them: a number is a descriptor of the runtime
 * @param options how each new handle is to differ from a plain duplicate
 * @returns the new handles in the order of the sources, which the caller closes
 * @throws {HandleError} as {@linkcode duplicate}; then no handle was made, and with `closeSource` every
 * source is closed, also one that is in the list twice
 * @throws {TypeError} when a source or an option is not of its kind; nothing was done
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 *
 * @example
 * ```ts
 * import { closeMany, duplicateMany } from "duphandle";
 *
 * const copies = duplicateMany([0, 1, 2]);
 * closeMany(copies);
 * ```
 */
export function duplicateMany(
  sources: Iterable<HandleSource>,
  options: DuplicateOptions = {},
): OwnedHandle[] {
  const choices = parseDuplicateOptions(options);
  const all = listOf(sources, "sources");
  if (!choices.closeSource) return ownersOf(duplicateAll(rawsOf(all), choices));
  const { owners, readRaws } = consumed(all);
  return ownersOf(consumeAll(owners, () => duplicateAll(readRaws(), choices)));
}

/**
 * Closes many handles. Those that are closed already are left out, as by {@linkcode OwnedHandle.close}.
 *
 * On Linux, many handles with consecutive numbers cost one system call together. It does not return the
 * error that a network file system would return for each of them: call `fsync` before, or close such
 * files one by one. On POSIX the closes end the record locks that this process has on the files:
 * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
 *
 * @param handles the handles to close
 * @throws {HandleError} `EBADF` when other code has closed one of them; on Windows `EPERM` when one is
 * protected from closing and stays open. The others are closed all the same
 * @throws {TypeError} when one is not an {@linkcode OwnedHandle}; nothing was closed
 * @see https://man7.org/linux/man-pages/man2/close_range.2.html
 *
 * @example
 * ```ts
 * import { closeMany, duplicate } from "duphandle";
 *
 * closeMany([duplicate(1), duplicate(2)]);
 * ```
 */
export function closeMany(handles: Iterable<OwnedHandle>): void {
  const all = listOf(handles, "handles");
  for (const handle of all) {
    if (isOwnedHandle(handle)) continue;
    throw new TypeError(`Cannot close ${show(handle)}: it must be an OwnedHandle`);
  }
  const attempts = new Attempts();
  const raws: RawHandle[] = [];
  const released: OwnedHandle[] = [];
  const special: OwnedHandle[] = [];
  for (const handle of all) {
    try {
      // One that is in the list twice is closed the second time. Subclasses have a close of
      // their own, and so have the handles of another copy of this library.
      if (handle.constructor !== OwnedHandle) special.push(handle);
      else if (!handle.closed) {
        raws.push(releaseForBatch(handle));
        released.push(handle);
      }
    } catch (error) {
      attempts.failed(error); // a tracker threw; those that were released are still to be closed
    }
  }
  attempts.run(() => {
    if (batches().close(raws)) return;
    for (const handle of released) attempts.run(() => closeReleased(handle));
  });
  for (const handle of special) attempts.run(() => handle.close());
  attempts.end();
}

/**
 * Sources that are to be closed whatever the outcome: what closes them, and a function that returns their
 * raw handles. It throws only when an argument is refused, with the sources untouched.
 */
function consumed(
  sources: readonly HandleSource[],
): { owners: Iterable<Owner>; readRaws(): RawHandle[] } {
  const reads: (() => RawHandle)[] = [];
  const owners = new Map<unknown, Owner>(); // a source that is in the list twice is closed once
  for (const source of sources) {
    if (isHandle(source)) {
      const owner = requireOwner({ owner: ownerOf(source) });
      if (!source.closed) owners.set(source, owner);
      reads.push(() => rawOfHandle(source));
      continue;
    }
    let fd: number;
    try {
      fd = fdOf(source);
    } catch (error) {
      if (!(error instanceof HandleError)) throw error;
      reads.push(() => {
        throw error; // this source is closed already; the others are closed by the owner
      });
      continue;
    }
    requireConsumable(source, fd);
    reads.push(() => rawBehind(source, fd));
    // The descriptor of a Deno.FsFile may be that of another one with the same position.
    const key = isFsFile(source) ? source : fd;
    // When a file and its number are both in the list, the file must close: otherwise it would go on
    // using a closed number.
    const close = readClose(source);
    if (close !== undefined || !owners.has(key)) {
      owners.set(key, new RuntimeSource(fd, source, close));
    }
  }
  return { owners: [...owners.values()], readRaws: () => reads.map((read) => read()) };
}

function ownersOf(raws: readonly RawHandle[]): OwnedHandle[] {
  return raws.map(ownedHandle);
}

function listOf<Item>(items: Iterable<Item>, name: string): readonly Item[] {
  checkIterable(items, name);
  return [...items]; // a copy: other code cannot change it, and it has no holes, which map() would skip
}
