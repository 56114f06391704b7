/** Named handles of a child process: what a system provides, and the environment variable. */
import type { StdioOptions } from "node:child_process";
import { show, showWithClass } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { RESERVED } from "../channel/types.ts";
import { type Handle, isHandle } from "../handle/handle.ts";
import { isNetworkSource } from "../handle/network_source.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The environment variable that lists the handles of a child; docs/children.md describes it. */
export const HANDLES_VARIABLE = "DUPHANDLE_HANDLES";

/** The handles of a child that is about to be started. */
export interface ChildHandles {
  /** The value of each handle in the child, in the order of the sources. */
  readonly values: readonly RawHandle[];
  /**
   * For each handle a tag by which this library in the child recognizes it: on POSIX the device and
   * the inode, on Windows the kind. `""` for none.
   */
  readonly tags: readonly string[];
  /** The option `stdio` for `node:child_process`. */
  readonly stdio: StdioEntry[];
}

/** One entry of the option `stdio`. */
export type StdioEntry = Exclude<StdioOptions, string>[number];

/** A handle of this library that stands as an entry of the option `stdio`. */
export class StdioHandle {
  /** The raw handle, which stays the caller's. */
  readonly raw: RawHandle;

  constructor(raw: RawHandle) {
    this.raw = raw;
  }
}

/** The program that a child runs. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** What a system provides to pass handles to children. */
export interface ChildPlatform {
  /**
   * Calls `start` while a child inherits these handles and no others, one call at a time in all threads
   * of this process. Afterwards the inheritance of every handle is what it was before, also when `start`
   * throws. Nothing else throws once `start` has been called.
   *
   * @param entries the option `stdio`
   * @throws {HandleError} `EBADF` when one of the handles is not open; `start` was not called
   */
  withInheritable<Result>(
    sources: readonly RawHandle[],
    entries: readonly (StdioEntry | StdioHandle)[],
    program: Program,
    start: (handles: ChildHandles) => Result,
  ): Result;
  /**
   * In the child, once for each handle: takes it over, and makes it not inheritable.
   *
   * @returns whether the value is the handle that the parent passed
   */
  takeOver(raw: RawHandle, tag: string): boolean;
  /** In the child: whether a handle is its standard input, output or error. */
  isStandard(raw: RawHandle): boolean;
  /** In the child: whether the tag is that of a Windows socket, which has state beside its handle. */
  isSocket(tag: string): boolean;
}

/**
 * The option `stdio` of the user as an array with at least three entries. Handles stay what they are: a
 * getter of a later entry may close one.
 */
export function stdioEntries(stdio: unknown): (StdioEntry | Handle)[] {
  if (stdio === undefined || stdio === null) return ["pipe", "pipe", "pipe"];
  if (typeof stdio === "string") {
    const entry = stdio as StdioEntry;
    return [entry, entry, entry];
  }
  if (!Array.isArray(stdio)) {
    throw new TypeError(`Cannot use ${show(stdio)} as stdio: it must be a string or an array`);
  }
  const entries = Array.from(
    stdio as (StdioEntry | Handle)[],
    (entry) => isHandle(entry) ? entry : fdOfEntry(entry) ?? requireNoServer(entry),
  );
  while (entries.length < 3) entries.push("pipe");
  return entries;
}

/**
 * Throws for a server or a UDP socket, which has no descriptor that the runtimes look at: they fail without saying
 * why, and Node 20 ends the process. Streams they take.
 */
function requireNoServer(entry: StdioEntry): StdioEntry {
  const isStream = typeof (entry as { pipe?: unknown } | undefined | null)?.pipe === "function";
  if (isStream || !isNetworkSource(entry)) return entry;
  throw new TypeError(
    `Cannot use ${
      showWithClass(entry)
    } as an entry of stdio: the runtime takes files and streams there; ` +
      "use duplicate(server), or pass it by the option handles",
  );
}

/**
 * The descriptor of an entry of `stdio` that is a number or an object with one. The runtimes use the number
 * of such an object, so reading it once and early changes nothing.
 */
export function fdOfEntry(entry: StdioEntry | StdioHandle): number | undefined {
  const fd = (entry as { fd?: unknown } | undefined | null)?.fd ?? entry;
  return typeof fd === "number" ? fd : undefined;
}

/** Throws a `TypeError` unless the value can be the name of a handle of the user's. */
export function checkHandleName(name: unknown): asserts name is string {
  if (typeof name === "string" && name !== "" && name.isWellFormed()) {
    if (!name.startsWith(RESERVED)) return;
  }
  throw new TypeError(
    `Cannot use ${show(name)} as the name of a handle: it must be a text that is not empty ` +
      `and does not start with ${RESERVED}`,
  );
}

/** A handle that the environment variable lists. */
export interface NamedHandle {
  readonly name: string;
  readonly raw: RawHandle;
  /** The tag; `""` for none. */
  readonly tag: string;
}

/**
 * Encodes the value of the variable as the query of a URL: names with their values and, last and
 * without a name, the tags. So a program in any language that can parse a query finds its handles.
 */
export function encodeHandles(names: readonly string[], { values, tags }: ChildHandles): string {
  const entries = names.map((name, at) => `${encodeURIComponent(name)}=${values[at]}`);
  if (tags.some((tag) => tag !== "")) entries.push(`=${tags.join(",")}`);
  return entries.join("&");
}

/**
 * Decodes the value of the variable.
 *
 * @param check throws when a number cannot be a handle
 * @param isStandard whether a handle is the standard input, output or error of this process
 * @throws {HandleError} `EINVAL` when the value is not one that `spawn` writes
 */
export function decodeHandles(
  value: string,
  check: (raw: RawHandle) => void,
  isStandard: (raw: RawHandle) => boolean,
): NamedHandle[] {
  const handles: { name: string; raw: RawHandle }[] = [];
  const names = new Set<string>();
  const raws = new Set<RawHandle>();
  let tags: string[] = [];
  for (const [name, number] of new URLSearchParams(value)) {
    if (name === "") {
      tags = number.split(",");
      continue;
    }
    const refuse = (why: string, cause?: unknown) => {
      throw failure("EINVAL", "getenv", {
        message: `Cannot read ${HANDLES_VARIABLE}: ${name}=${number} ${why}; let spawn() set ` +
          "the variable, or write it as docs/children.md describes",
        cause,
      });
    };
    const raw = /^-?\d+$/.test(number) ? Number(number) : NaN;
    try {
      check(raw);
    } catch (cause) {
      refuse("is no handle", cause);
    }
    // Each of these would make two owners of one handle, and each would close it.
    if (isStandard(raw)) refuse("is a standard descriptor, which the runtime owns");
    if (names.has(name)) refuse("is the second handle with this name");
    if (raws.has(raw)) refuse("is the second name of this handle");
    names.add(name);
    raws.add(raw);
    handles.push({ name, raw });
  }
  return handles.map((handle, at) => ({ ...handle, tag: tags[at] ?? "" }));
}
