/** The handles that this process inherited from its parent, by name. */
import { show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { RESERVED } from "../channel/types.ts";
import { decodeHandles, HANDLES_VARIABLE, type NamedHandle } from "./types.ts";
import { OwnedHandle } from "../handle/handle.ts";
import { adoptSocket } from "../socket/windows_adopt.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "../handle/platform.ts";
import { readVariable, refuseInWorker } from "../util/environment.ts";
import { shared } from "../util/shared.ts";
import { children } from "./platform.ts";

/** An inherited handle and its state. */
interface InheritedEntry extends NamedHandle {
  /** Whether the value was still the handle that the parent passed, when the variable was read. */
  readonly isOpen: boolean;
  /** Whether the handle has an owner in this process. */
  isTaken: boolean;
}

/**
 * Takes the handle that the parent passed to this process under a name, with {@linkcode spawn}. The
 * caller owns it, so each handle can be taken once.
 *
 * It is not inheritable: a child of this process gets it only when it is passed on. The first call
 * of this function or of {@linkcode inheritedNames} removes the environment variable
 * `DUPHANDLE_HANDLES` and ends the inheritance of every handle that the variable lists. Deno needs
 * `--allow-env=DUPHANDLE_HANDLES` and `--allow-ffi`.
 *
 * @param name the name that the parent used
 * @returns the handle, which the caller closes
 * @throws {HandleError} `ENOENT` when no handle has this name; `EBADF` when it was taken before, or
 * is not open any more; `EACCES` when Deno does not permit to read the variable; `EINVAL` when the
 * variable is malformed, or names a handle or a name twice; `ENOTSUP` in a worker thread
 * @throws {TypeError} when the name is not a string
 * @see https://man7.org/linux/man-pages/man2/execve.2.html
 * @see https://learn.microsoft.com/windows/win32/sysinfo/handle-inheritance
 *
 * @example
 * ```ts
 * import { inherited, inheritedNames } from "duphandle";
 *
 * if (inheritedNames().includes("log")) {
 *   const log = await inherited("log").toFileHandle();
 *   await log.write("the child is here\n");
 *   await log.close();
 * }
 * ```
 */
export function inherited(name: string): OwnedHandle {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot use ${show(name)} as the name of a handle: it must be a string`);
  }
  const entry = inheritedEntries().get(name);
  if (entry === undefined) throw unknownNameError(name);
  const { raw, isOpen } = entry;
  if (entry.isTaken) {
    throw failure("EBADF", "spawn", {
      message: `Cannot take the handle ${show(name)} twice: it has one owner; ` +
        "duplicate the first one",
      handle: raw,
    });
  }
  if (!isOpen || !isStillOpen(raw)) {
    throw failure("EBADF", "spawn", {
      message: `Cannot take the handle ${show(name)}: ${raw} is not what the parent gave; it was ` +
        "closed here, or a process in between did not pass it on; take it before its number is " +
        "closed, in the process that spawn() starts",
      handle: raw,
    });
  }
  const owner = children().isSocket(entry.tag) ? adoptSocket(raw) : OwnedHandle.fromRaw(raw);
  entry.isTaken = true;
  return owner;
}

/**
 * Lists the names of the handles that the parent passed to this process with {@linkcode spawn}, in
 * the parent's order, including those that were taken. The list is empty when the process was
 * started in another way.
 *
 * @returns the names
 * @throws {HandleError} `EACCES` when Deno does not permit to read the variable; `EINVAL` when the
 * variable is malformed, or names a handle or a name twice; `ENOTSUP` in a worker thread
 *
 * @example
 * ```ts
 * import { inherited, inheritedNames } from "duphandle";
 *
 * for (const name of inheritedNames()) {
 *   using handle = inherited(name);
 *   console.log(name, handle.raw);
 * }
 * ```
 */
export function inheritedNames(): string[] {
  return [...inheritedEntries().keys()].filter((name) => !name.startsWith(RESERVED));
}

/** Takes a handle with a reserved name; `undefined` when there is none or it is not open any more. */
export function takeReserved(name: string): RawHandle | undefined {
  const entry = inheritedEntries().get(name);
  if (entry === undefined || entry.isTaken || !entry.isOpen || !isStillOpen(entry.raw)) {
    return undefined;
  }
  entry.isTaken = true;
  return entry.raw;
}

/** Whether the parent passed a handle with a reserved name, also when it was taken or is not open any more. */
export function hasReserved(name: string): boolean {
  return inheritedEntries().has(name);
}

function inheritedEntries(): Map<string, InheritedEntry> {
  return shared("inherited", 1, readEntries);
}

/** Reads the variable and removes it, and ends the inheritance of the handles that it lists. */
function readEntries(): Map<string, InheritedEntry> {
  refuseInWorker();
  const { checkOwned } = platform();
  const value = readVariable(HANDLES_VARIABLE);
  const handles = value === undefined
    ? []
    : decodeHandles(value, checkOwned, children().isStandard);
  const found = handles.map((handle): [string, InheritedEntry] => {
    const isOpen = children().takeOver(handle.raw, handle.tag);
    return [handle.name, { ...handle, isOpen, isTaken: false }];
  });
  if (value !== undefined) delete process.env[HANDLES_VARIABLE];
  return new Map(found);
}

function isStillOpen(raw: RawHandle): boolean {
  try {
    platform().isInheritable(raw);
    return true;
  } catch {
    return false;
  }
}

function unknownNameError(name: string): Error {
  const names = inheritedNames();
  const state = names.length === 0
    ? "this process got none: it was not started by spawn() with handles"
    : `there are ${names.map((each) => show(each)).join(", ")}`;
  return failure("ENOENT", "spawn", {
    message: `Cannot find an inherited handle with the name ${show(name)}: ${state}; ` +
      "name it in the handles of spawn()",
  });
}
