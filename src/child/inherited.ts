/** The verbs of a child: what its parent gave to it by name. */
import { show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { builtin, isForbidden } from "../../ffi/host.ts";
import { RESERVED } from "../channel/types.ts";
import { decodeHandles, type Told, VARIABLE } from "./types.ts";
import { OwnedHandle } from "../handle/handle.ts";
import { adoptSocket } from "./windows_socket.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "../handle/platform.ts";
import { children } from "./platform.ts";

/** A handle that was given, and what became of it. */
interface Given extends Told {
  /** Whether the number is the handle that was given. */
  readonly isOpen: boolean;
  taken: boolean;
}

let given: Map<string, Given> | undefined;

/**
 * The handle that the parent gave to this process under a name, by {@linkcode spawn}. It is ours to
 * close, so it can be had once.
 *
 * It is not inheritable: a child of this process gets it only when it is given to it. The first
 * call of this or of {@linkcode inheritedNames} removes the environment variable
 * `DUPHANDLE_HANDLES` and ends the inheritance of every handle that it names. In Deno it needs
 * `--allow-env=DUPHANDLE_HANDLES` and `--allow-ffi`.
 *
 * @param name the name that the parent used
 * @returns the handle, which the caller closes
 * @throws {HandleError} `ENOENT` when there is none of this name; `EBADF` when it was taken before,
 * or its number is not open any more; `EACCES` when Deno may not read the variable; `EINVAL` when
 * somebody else wrote it; `ENOTSUP` in a worker thread
 * @throws {TypeError} when the name is no string
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
  const entry = received().get(name);
  if (entry === undefined) throw noneOf(name);
  const { raw, isOpen } = entry;
  if (entry.taken) {
    throw failure("EBADF", "spawn", {
      message: `Cannot take the handle ${show(name)} twice: it has one owner; ` +
        "duplicate the first one",
      handle: raw,
    });
  }
  if (!isOpen || !isStillOpen(raw)) {
    throw failure("EBADF", "spawn", {
      message: `Cannot take the handle ${show(name)}: ${raw} is not what the parent gave; it was ` +
        "closed here, or a process in between did not pass it on",
      handle: raw,
    });
  }
  const owner = children().isSocket(entry.mark) ? adoptSocket(raw) : OwnedHandle.fromRaw(raw);
  entry.taken = true;
  return owner;
}

/**
 * The names of the handles that the parent gave to this process by {@linkcode spawn}, in its order,
 * whether they are taken or not. None when the process was started in another way.
 *
 * @returns the names
 * @throws {HandleError} `EACCES` when Deno may not read the variable; `EINVAL` when somebody else
 * wrote it; `ENOTSUP` in a worker thread
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
  return [...received().keys()].filter((name) => !name.startsWith(RESERVED));
}

/** A handle that is for this library, which takes it; `undefined` when there is none or it is gone. */
export function takeReserved(name: string): RawHandle | undefined {
  const entry = received().get(name);
  if (entry === undefined || entry.taken || !entry.isOpen || !isStillOpen(entry.raw)) {
    return undefined;
  }
  entry.taken = true;
  return entry.raw;
}

function received(): Map<string, Given> {
  return given ?? (given = receive());
}

/** Reads the variable, once, and keeps children from what it names. */
function receive(): Map<string, Given> {
  refuseWorker();
  const { checkOwned } = platform();
  const value = readVariable(VARIABLE);
  const told = value === undefined ? [] : decodeHandles(value, checkOwned);
  const found = told.map((entry): [string, Given] => {
    const isOpen = children().accept(entry.raw, entry.mark);
    return [entry.name, { ...entry, isOpen, taken: false }];
  });
  if (value !== undefined) delete process.env[VARIABLE];
  return new Map(found);
}

/** A variable of the environment that `spawn` sets. */
export function readVariable(name: string): string | undefined {
  try {
    return globalThis.process?.env[name];
  } catch (cause) {
    if (!isForbidden(cause)) throw cause;
    throw failure("EACCES", "getenv", {
      message: `Cannot read ${name}: it is not permitted; run with --allow-env=${name}`,
      cause,
    });
  }
}

function isStillOpen(raw: RawHandle): boolean {
  try {
    platform().isInheritable(raw);
    return true;
  } catch {
    return false;
  }
}

/** Each thread has its own memory of what is taken, so two of them would own one handle or channel. */
export function refuseWorker(): void {
  const threads = builtin<typeof import("node:worker_threads")>("node:worker_threads");
  if (threads?.isMainThread !== false) return;
  throw failure("ENOTSUP", "spawn", {
    message: "Cannot take inherited handles in a worker thread; " +
      "take them in the main thread and give the worker what release() returns",
  });
}

function noneOf(name: string): Error {
  const names = inheritedNames();
  const there = names.length === 0
    ? "this process got none: it was not started by spawn() with handles"
    : `there are ${names.map((each) => show(each)).join(", ")}`;
  return failure("ENOENT", "spawn", {
    message: `Cannot find an inherited handle of the name ${show(name)}: ${there}; ` +
      "name it in the handles of spawn()",
  });
}
