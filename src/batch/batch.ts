/** The verbs for many handles at once. */
import { checkIterable, show } from "../../ffi/check.ts";
import { HandleError } from "../../ffi/error.ts";
import { attemptEach, Attempts } from "../util/attempts.ts";
import { closeAll } from "../handle/close_all.ts";
import { duplicateAll } from "./duplicate_all.ts";
import { consume, type Owner } from "../handle/raw.ts";
import { isHandle, OwnedHandle, releaseForBatch } from "../handle/handle.ts";
import { type DuplicateOptions, parseDuplicateOptions } from "../handle/options.ts";
import { isFsFile } from "../handle/deno_file.ts";
import { fdOf, type HandleSource, ownerOf, rawOf, RuntimeSource } from "../handle/source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "../handle/platform.ts";
import { batches } from "./platform.ts";

/**
 * Duplicates many handles: all, or none when one of them cannot be. Many cost fewer system calls than
 * handles, on Linux; few, and those with options, are duplicated one by one.
 *
 * @param sources what to duplicate, as {@linkcode duplicate} takes it
 * @param options how every duplicate is to differ from the plain one
 * @returns the new handles in the order of the sources, which the caller closes
 * @throws {HandleError} as {@linkcode duplicate}; then no handle was made, and with `closeSource`
 * every source is closed, once also when it is there twice
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
  if (!choices.closeSource) return own(duplicateAll(all.map(rawOf), choices));
  const { rawsOf, owner } = consumed(all);
  return own(consume(owner, () => duplicateAll(rawsOf(), choices), closeAll));
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
  const attempts = new Attempts();
  const raws: RawHandle[] = [];
  const special: OwnedHandle[] = [];
  for (const handle of all) {
    try {
      // One that is there twice is closed by then. Some kinds are closed in a way of their own.
      if (handle.constructor !== OwnedHandle) special.push(handle);
      else if (!handle.closed) raws.push(releaseForBatch(handle));
    } catch (error) {
      attempts.failed(error); // a tracker threw: those that have given up theirs are to be closed
    }
  }
  attempts.run(() => {
    if (batches().close(raws)) return;
    for (const raw of raws) attempts.run(() => platform().close(raw));
  });
  for (const handle of special) attempts.run(() => handle.close());
  attempts.end();
}

/**
 * Sources that are to be closed whatever comes: what tells their numbers, and who closes them all. It
 * throws only what is thrown before anything is done.
 */
function consumed(sources: readonly HandleSource[]): { rawsOf(): RawHandle[]; owner: Owner } {
  const numbers: (() => RawHandle)[] = [];
  const owners = new Map<unknown, Owner>(); // one that is there twice closes once
  for (const source of sources) {
    if (isHandle(source)) {
      const owner = ownerOf(source);
      if (!source.closed) owners.set(source, owner);
      numbers.push(() => source.raw);
      continue;
    }
    try {
      const fd = fdOf(source);
      numbers.push(() => platform().rawOfFd(fd));
      // The number of a Deno.FsFile may be that of another one with the same position.
      const key = isFsFile(source) ? source : fd;
      // Beside its number, it is the file that closes: it would not know of it otherwise.
      const isFile = typeof source === "object" && "close" in source;
      if (isFile || !owners.has(key)) owners.set(key, new RuntimeSource(fd, source));
    } catch (error) {
      if (!(error instanceof HandleError)) throw error;
      numbers.push(() => {
        throw error; // this one is closed already, and the others are to be
      });
    }
  }
  const close = () => attemptEach(owners.values(), (owner) => owner.close());
  return { rawsOf: () => numbers.map((tell) => tell()), owner: { close } };
}

function own(raws: readonly RawHandle[]): OwnedHandle[] {
  return raws.map(OwnedHandle.fromRaw);
}

function listOf<Item>(items: Iterable<Item>, name: string): readonly Item[] {
  checkIterable(items, name);
  return [...items]; // a copy has no holes, which map() would skip, and nobody changes it
}
