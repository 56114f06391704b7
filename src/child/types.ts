/** Named handles of a child process: what a system provides, and the environment variable. */
import type { StdioOptions } from "node:child_process";
import { failure } from "../../ffi/error.ts";
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
  readonly stdio: StdioOptions | undefined;
}

/** What a system provides to pass handles to children. */
export interface ChildPlatform {
  /**
   * Calls `start` while a child inherits these handles and no others. Afterwards the inheritance of
   * every handle is what it was before, also when `start` throws.
   */
  withInheritable<Result>(
    sources: readonly RawHandle[],
    stdio: StdioOptions | undefined,
    start: (handles: ChildHandles) => Result,
  ): Result;
  /**
   * In the child, once for each handle: takes it over, and makes it not inheritable.
   *
   * @returns whether the value is the handle that the parent passed
   */
  takeOver(raw: RawHandle, tag: string): boolean;
  /** In the child: whether the tag is that of a Windows socket, which has state beside its handle. */
  isSocket(tag: string): boolean;
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
 * @throws {HandleError} `EINVAL` when the value is not one that `spawn` writes
 */
export function decodeHandles(value: string, check: (raw: RawHandle) => void): NamedHandle[] {
  const handles: { name: string; raw: RawHandle }[] = [];
  let tags: string[] = [];
  for (const [name, number] of new URLSearchParams(value)) {
    if (name === "") {
      tags = number.split(",");
      continue;
    }
    const raw = /^-?\d+$/.test(number) ? Number(number) : NaN;
    try {
      check(raw);
    } catch (cause) {
      throw failure("EINVAL", "getenv", {
        message:
          `Cannot read ${HANDLES_VARIABLE}: ${name}=${number} is no handle; let spawn() set ` +
          "the variable, or write it as docs/children.md describes",
        cause,
      });
    }
    handles.push({ name, raw });
  }
  return handles.map((handle, at) => ({ ...handle, tag: tags[at] ?? "" }));
}
