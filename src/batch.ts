/** The verbs for many handles at once. */
import { checkIterable, show } from "../ffi/check.ts";
import { Attempts } from "./attempts.ts";
import { closeAll } from "./close_all.ts";
import { copyMany } from "./copy_many.ts";
import { consume } from "./copy_raw.ts";
import { OwnedHandle } from "./handle.ts";
import { type DuplicateOptions, parseDuplicateOptions } from "./options.ts";
import { type HandleSource, ownerOf, rawOf } from "./source.ts";
import { type RawHandle, system } from "./system.ts";

/**
 * Duplicates many handles: all, or none when one of them cannot be. Many cost fewer system calls than
 * handles, on Linux; few, and those with options, are duplicated one by one.
 *
 * @param sources what to duplicate, as {@linkcode duplicate} takes it
 * @param options how every duplicate is to differ from the plain one
 * @returns the new handles in the order of the sources, which the caller closes
 * @throws {HandleError} as {@linkcode duplicate}; then no handle was made, and with `closeSource`
 * every source is closed
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
  const raws = all.map(rawOf);
  if (!choices.closeSource) return own(copyMany(raws, choices));
  const owners = all.map(ownerOf);
  const owner = {
    close() {
      const attempts = new Attempts();
      for (const each of owners) attempts.run(() => each.close());
      attempts.end();
    },
  };
  return own(consume(owner, () => copyMany(raws, choices), closeAll));
}

/**
 * Closes many handles; those that are closed already are left out, as by
 * {@linkcode OwnedHandle.close}. Neighbours cost one system call together, on Linux, and then what a
 * network file system would answer to each close is not known: call `fsync` before, or close such
 * files one by one.
 *
 * @param handles the handles to close
 * @throws {HandleError} `EBADF` when somebody else has closed one of them; the others are closed all
 * the same
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
    if (handle instanceof OwnedHandle) continue;
    throw new TypeError(`Cannot close ${show(handle)}: it must be an OwnedHandle`);
  }
  const raws: RawHandle[] = [];
  const special: OwnedHandle[] = [];
  for (const handle of all) {
    // One that is there twice is closed by then. Some kinds are closed in a way of their own.
    if (handle.constructor !== OwnedHandle) special.push(handle);
    else if (!handle.closed) raws.push(handle.release());
  }
  const attempts = new Attempts();
  if (!system().batches.close(raws)) {
    for (const raw of raws) attempts.run(() => system().close(raw));
  }
  for (const handle of special) attempts.run(() => handle.close());
  attempts.end();
}

function own(raws: readonly RawHandle[]): OwnedHandle[] {
  return raws.map(OwnedHandle.fromRaw);
}

function listOf<Item>(items: Iterable<Item>, name: string): readonly Item[] {
  checkIterable(items, name);
  return Array.isArray(items) ? items : [...items];
}
