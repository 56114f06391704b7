/** How named handles get into a child process: what a system does, and what the child is told. */
import type { StdioOptions } from "node:child_process";
import { failure } from "../../ffi/error.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The environment variable that tells a child its handles; docs/children.md describes it. */
export const VARIABLE = "DUPHANDLE_HANDLES";

/** What a child that is just being started gets. */
export interface Lent {
  /** The number of each handle in the child, in the order of the sources. */
  readonly numbers: readonly RawHandle[];
  /** What a child that uses this library has to know of each handle; `""` for nothing. */
  readonly marks: readonly string[];
  /** What to give to `node:child_process`. */
  readonly stdio: StdioOptions | undefined;
}

/** What passing handles to children needs of a system. */
export interface ChildPlatform {
  /**
   * Calls `start`, and lets the child that it starts at once inherit these handles and no others.
   * Afterwards everything is as it was before, whatever happens.
   */
  lend<Result>(
    sources: readonly RawHandle[],
    stdio: StdioOptions | undefined,
    start: (lent: Lent) => Result,
  ): Result;
  /**
   * In the child, once for each handle: makes it ours alone, and not inheritable.
   *
   * @returns whether the number is the handle that was lent
   */
  accept(raw: RawHandle, mark: string): boolean;
  /** In the child: whether the mark is that of a socket of Winsock, which is more than its handle. */
  isSocket(mark: string): boolean;
}

/** A handle that the child was told of. */
export interface Told {
  readonly name: string;
  readonly raw: RawHandle;
  /** `""` where there is none. */
  readonly mark: string;
}

/**
 * The value of the variable, as the query of a URL: names with their numbers, and at last, without
 * a name, the marks. So whatever can read a query can find a handle, in any language.
 */
export function encodeHandles(names: readonly string[], { numbers, marks }: Lent): string {
  const entries = names.map((name, at) => `${encodeURIComponent(name)}=${numbers[at]}`);
  if (marks.some((mark) => mark !== "")) entries.push(`=${marks.join(",")}`);
  return entries.join("&");
}

/**
 * What the value of the variable says.
 *
 * @throws {HandleError} `EINVAL` when somebody else wrote it, and not as `spawn` does
 */
export function decodeHandles(value: string, check: (raw: RawHandle) => void): Told[] {
  const told: { name: string; raw: RawHandle }[] = [];
  let marks: string[] = [];
  for (const [name, number] of new URLSearchParams(value)) {
    if (name === "") {
      marks = number.split(",");
      continue;
    }
    const raw = /^-?\d+$/.test(number) ? Number(number) : NaN;
    try {
      check(raw);
    } catch (cause) {
      throw failure("EINVAL", "getenv", {
        message: `Cannot read ${VARIABLE}: ${name}=${number} is no handle; leave the variable ` +
          "to spawn(), or write it as docs/children.md says",
        cause,
      });
    }
    told.push({ name, raw });
  }
  return told.map((entry, at) => ({ ...entry, mark: marks[at] ?? "" }));
}
