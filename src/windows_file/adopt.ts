/**
 * Adoption in Deno for Windows, which has no function for it.
 *
 * Deno opens a file of the system as a placeholder. The numbers of its HANDLEs are found, and the object behind
 * each is exchanged: the HANDLE is closed, and that of ours is duplicated until it has the number. All that Deno
 * does with the placeholder then concerns our object, and Deno closes it like any file.
 *
 * Between the two calls another thread may get the number, since nothing in Windows does both at once. Then the
 * number is waited for. If it stays away, another placeholder is tried. The first one stays open, since Deno would
 * close what is behind the number: a later adoption closes it when it can take the number.
 */
import { failure, HandleError } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { SELF } from "../../ffi/win32/check.ts";
import {
  DUPLICATE_SAME_ACCESS,
  FILE_GENERIC_READ,
  FILE_TYPE_DISK,
  HANDLE_FLAG_INHERIT,
} from "../../ffi/win32/constants.ts";
import {
  CloseHandle,
  CompareObjectHandles,
  DuplicateHandle,
  GetHandleInformation,
  SetHandleInformation,
} from "../../ffi/win32/handle.ts";
import { openHandles, positionOf, systemDirectory } from "../../ffi/win32/inspect.ts";
import { fileTypeOf, NtQueryObject } from "../../ffi/win32/object.ts";
import { type DenoFile, denoFiles, denoMethods, nodeFs, sleep } from "../util/node.ts";
import { closeQuietly } from "../util/late_close.ts";
import { runtimeError, tryOrUndefined } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The most placeholders for one adoption. Each but the first is needed when a number was lost. */
const MAX_PLACEHOLDERS = 10;

/** The most lower numbers that are taken first, so that the placeholder's is the next one. */
const MAX_LOWER = 64;

/** The most duplicates in the search for a number, and how often it is waited for 1 ms each. */
const MAX_DUPLICATES = 4096;
const MAX_WAITS = 50;

/** How messages begin, and what to do instead. */
const CANNOT = "Cannot make the runtime own a handle";
const ADVICE = "use the Handle itself, or toFileHandle()";

/** The most bytes in one read of a placeholder. Two reads of a random length tell it from other opens of its file. */
const MAX_READ = 0x1000;

/** Whether the system was seen to give out many other numbers while that of a closed HANDLE was free. */
let keepsNumbers = false;

/** A file that Deno opened, of which no other code knows. */
interface Placeholder<File> {
  readonly file: File;
  read(into: Uint8Array): number | null;
  close(): void;
}

/** A placeholder that must not be closed while other code has the number of one of its HANDLEs. */
interface Lost {
  readonly number: RawHandle;
  close(): void;
}

/** Those of this thread. What is left when a worker thread ends Deno closes: nothing can keep it from that. */
let lost: readonly Lost[] = [];

/**
 * The path of the placeholder: a file that every Windows has, that everyone may read, and whose position shows
 * which HANDLE is the placeholder's. The null device has none in every system.
 */
export function placeholderPath(): string {
  return path ??= `${systemDirectory()}\\ntdll.dll`;
}

let path: string | undefined;

/**
 * A descriptor of Deno's `node:fs` on the object of a handle, which stays the caller's.
 *
 * @throws {HandleError} `EACCES` when Deno may not read the placeholder; `EBUSY` when other threads took its number
 * each time; `ENOTSUP` when its HANDLEs cannot be found, or the system keeps their numbers; what else the calls throw
 */
export function copyToDenoFd(raw: RawHandle, inheritable: boolean): number {
  const { openSync, readSync, closeSync } = nodeFs();
  return adopt(raw, inheritable, () => {
    const fd = openSync(placeholderPath(), "r");
    return {
      file: fd,
      read: (into) => readSync(fd, into, 0, into.length, null),
      close: () => closeSync(fd),
    };
  }).file;
}

/**
 * A `Deno.FsFile` on the object of a handle, which stays the caller's.
 *
 * @returns the file and the HANDLE that it has
 * @throws {HandleError} as {@linkcode copyToDenoFd}
 */
export function copyToDenoFile(
  raw: RawHandle,
  inheritable: boolean,
): { file: DenoFile; own: RawHandle } {
  const { readSync, close } = denoMethods();
  return adopt(raw, inheritable, () => {
    const file = denoFiles()!.openSync(placeholderPath());
    return { file, read: (into) => readSync.call(file, into), close: () => close.call(file) };
  });
}

function adopt<File>(
  raw: RawHandle,
  inheritable: boolean,
  open: () => Placeholder<File>,
): { file: File; own: RawHandle } {
  closeLost(raw);
  // The numbers that Windows gives out now are most likely those that the placeholder gets.
  const expected: RawHandle[] = [];
  for (let attempt = 0; attempt < MAX_PLACEHOLDERS && !keepsNumbers; attempt++) {
    expected.length = 0;
    try {
      for (let count = 0; count < 2; count++) expected.push(duplicate(raw));
    } finally {
      closeAll(expected);
    }
    const placeholder = openPlaceholder(open);
    let own: RawHandle[];
    try {
      own = handlesOf(placeholder, expected);
    } catch (error) {
      closeQuietly(placeholder.close);
      throw error;
    }
    if (own.every((number) => exchange(number, raw, placeholder))) {
      if (inheritable) SetHandleInformation(own[0]!, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
      return { file: placeholder.file, own: own[0]! };
    }
  }
  const why = keepsNumbers
    ? `this Windows does not give out the number of a closed HANDLE again; ${ADVICE}`
    : `other threads took its number ${MAX_PLACEHOLDERS} times; call again`;
  throw failure(keepsNumbers ? "ENOTSUP" : "EBUSY", "DuplicateHandle", {
    message: `${CANNOT}: ${why}`,
    handle: raw,
  });
}

function openPlaceholder<File>(open: () => Placeholder<File>): Placeholder<File> {
  try {
    return open();
  } catch (cause) {
    const path = placeholderPath();
    if (!isForbidden(cause)) throw runtimeError(cause, "open", path);
    const why = `Deno may not read ${path}; run it with --allow-read=${path}`;
    throw failure("EACCES", "open", { message: `${CANNOT}: ${why}`, cause });
  }
}

/**
 * All HANDLEs of a placeholder: those whose position follows its reads. Windows counts them, so that none is
 * left out.
 */
function handlesOf(placeholder: Placeholder<unknown>, expected: readonly RawHandle[]): RawHandle[] {
  const buffer = new Uint8Array(MAX_READ);
  let position = 0;
  const following = (candidates: readonly RawHandle[]) => {
    position += placeholder.read(buffer.subarray(Math.random() * MAX_READ)) ?? 0;
    return candidates.filter((raw) => isPlaceholder(raw, position));
  };
  for (const candidates of [() => expected, readableHandles]) {
    const found = following(following(candidates()));
    const [first] = found;
    if (first === undefined || NtQueryObject(first).HandleCount !== found.length) continue;
    if (found.every((raw) => CompareObjectHandles(raw, first))) return found;
  }
  throw failure("ENOTSUP", "NtQuerySystemInformation", {
    message: `${CANNOT}: the HANDLE of a file that it opened cannot be found; ${ADVICE}`,
  });
}

/** The handles of this process that have just the access of a placeholder. */
function readableHandles(): RawHandle[] {
  return openHandles()
    .filter(({ access, inheritable }) => access === FILE_GENERIC_READ && !inheritable)
    .map(({ handle }) => handle);
}

/** Whether a handle can be one of the placeholder: it has its access and its position. */
function isPlaceholder(raw: RawHandle, position: number): boolean {
  return tryOrUndefined(() =>
    // The access first: the other two wait for a read of a pipe that another thread has under way.
    NtQueryObject(raw).GrantedAccess === FILE_GENERIC_READ &&
    fileTypeOf(raw) === FILE_TYPE_DISK &&
    positionOf(raw) === position
  ) ?? false;
}

/**
 * Makes a HANDLE of the placeholder refer to the object of ours. Returns `false` when another thread has its
 * number: then the placeholder is lost.
 */
function exchange(number: RawHandle, raw: RawHandle, placeholder: Placeholder<unknown>): boolean {
  const others: RawHandle[] = [];
  let isClosed = false;
  let isTaken = false;
  try {
    do others.push(duplicate(raw)); while (others.at(-1)! < number && others.length < MAX_LOWER);
    closeNumber(number);
    isClosed = true;
    isTaken = takeNumber(number, raw, others);
  } catch (error) {
    if (!isClosed) closeQuietly(placeholder.close);
    if (!isClosed || !(error instanceof HandleError)) throw error;
  } finally {
    closeAll(others);
  }
  if (!isTaken) {
    lost = [...lost, { number, close: placeholder.close }];
    return false;
  }
  if (CompareObjectHandles(number, raw)) return true;
  closeQuietly(placeholder.close);
  throw failure("EBADF", "DuplicateHandle", {
    message: `${CANNOT}: other code closed it meanwhile`,
    handle: raw,
  });
}

/**
 * Closes a HANDLE of the newest placeholder. If an earlier one has lost the number, Deno closes it together with that
 * one. So none waits for the number of a newer one for ever.
 */
function closeNumber(number: RawHandle): void {
  const earlier = lost.find((each) => each.number === number);
  if (earlier === undefined) return CloseHandle(number);
  lost = lost.filter((each) => each !== earlier);
  earlier.close();
}

/**
 * Duplicates the handle until a duplicate has the number. The others are added to a list. While another thread has
 * the number they are closed, since that thread may be doing the same, and wait for one of theirs.
 */
function takeNumber(number: RawHandle, raw: RawHandle, others: RawHandle[]): boolean {
  for (let waits = 0; others.length < MAX_DUPLICATES && waits < MAX_WAITS;) {
    const copy = duplicate(raw);
    if (copy === number) return true;
    others.push(copy);
    for (; isOpen(number) && waits < MAX_WAITS; waits++) {
      closeAll(others.splice(0));
      sleep(1);
    }
  }
  keepsNumbers ||= others.length >= MAX_DUPLICATES && others.at(-1)! > number && !isOpen(number);
  return false;
}

/**
 * Has Deno close the lost placeholders whose numbers nothing else has any more: a duplicate of the handle takes each
 * first. No check would do without that, for a thread may get the number right after it.
 */
function closeLost(raw: RawHandle): void {
  const last = Math.max(0, ...lost.map(({ number }) => isOpen(number) ? 0 : number));
  const others: RawHandle[] = [];
  try {
    while (!keepsNumbers && others.length < MAX_DUPLICATES && (others.at(-1) ?? 0) < last) {
      const copy = duplicate(raw);
      const found = lost.find(({ number }) => number === copy);
      lost = lost.filter((each) => each !== found);
      if (found === undefined) others.push(copy);
      else closeQuietly(found.close);
    }
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
  } finally {
    closeAll(others);
  }
}

function isOpen(raw: RawHandle): boolean {
  return tryOrUndefined(() => GetHandleInformation(raw)) !== undefined;
}

function duplicate(raw: RawHandle): RawHandle {
  return DuplicateHandle(SELF, raw, SELF, out, 0, false, DUPLICATE_SAME_ACCESS);
}

/** DuplicateHandle writes its result here. It is returned as well. */
const out: [number] = [0];

function closeAll(handles: readonly RawHandle[]): void {
  for (const handle of handles) closeQuietly(() => CloseHandle(handle));
}
