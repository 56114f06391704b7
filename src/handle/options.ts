/** The options of the functions that duplicate, checked before anything is done. */
import { checkBoolean, checkFd, checkInteger, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import {
  FILE_GENERIC_READ,
  FILE_GENERIC_WRITE,
  GENERIC_READ,
  GENERIC_WRITE,
} from "../../ffi/win32/constants.ts";
import type { Access, ToFileOptions, ToSocketOptions } from "./types.ts";

/** How a new handle is to differ from a plain duplicate. */
export interface DuplicateOptions {
  /** Whether child processes inherit the duplicate. Default `false`. */
  readonly inheritable?: boolean | undefined;
  /**
   * The access of the duplicate, never more than the source has: that of the source (`"same"`),
   * reading, writing, or both (`"read-write"`); a source that lacks any of it is `EACCES`. Default
   * `"same"`.
   *
   * On Windows the duplicate shares the source's position whatever its access; a number is an
   * access mask. On Linux a duplicate with less access than its source is a new open file: it starts at
   * the source's position and has a position of its own from there, and it has the status flags of the
   * source. A source without a file, such as a socket, is `ENOTSUP`. Where a `minimum` is given, or Deno is
   * to own it, that new open file gets another number and its first one is closed, which ends the record
   * locks that this process has on the file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   */
  readonly access?: Access | undefined;
  /**
   * Whether the source is consumed: closed when the call returns or throws, unless the arguments
   * themselves are refused. When closing it reports an error, the result is returned all the same, and
   * the process gets a warning with that error (`HandleWarning`). On Windows a source that is protected
   * from closing stays open, and with it its owner, without a warning. Default `false`.
   * On POSIX the close ends the record locks that this process has on the file:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   */
  readonly closeSource?: boolean | undefined;
  /**
   * The lowest acceptable descriptor, default 3. POSIX only; Windows: `ENOTSUP`. Together with less
   * `access` it may close a descriptor of the file, as that option says.
   */
  readonly minimum?: number | undefined;
}

/** How {@linkcode duplicateOnto} is to change its target. */
export interface DuplicateOntoOptions {
  /** Whether child processes inherit the target. Default `false`. */
  readonly inheritable?: boolean | undefined;
}

/** Options after the checks, with their defaults. */
export interface ResolvedOptions {
  readonly inheritable: boolean;
  readonly access: Access;
  readonly closeSource: boolean;
  readonly minimum: number | undefined;
}

const duplicateKeys: readonly string[] = ["inheritable", "access", "closeSource", "minimum"];
const ontoKeys: readonly string[] = ["inheritable"];
const accessNames: readonly Access[] = ["same", "read", "write", "read-write"];

/** Checks the options of `duplicate`. */
export function parseDuplicateOptions(options: DuplicateOptions): ResolvedOptions {
  checkKeys(options, duplicateKeys);
  const { inheritable = false, access = "same", closeSource = false, minimum } = options;
  checkBoolean(inheritable, "inheritable");
  checkBoolean(closeSource, "closeSource");
  if (typeof access === "number") checkInteger(access, "access", -0x8000_0000, 0xffff_ffff);
  else if (!accessNames.includes(access)) {
    throw new TypeError(
      `Cannot use ${show(access)} as access: it must be "same", "read", "write", "read-write" or ` +
        "a number",
    );
  }
  if (minimum !== undefined) checkFd(minimum, "minimum");
  return { inheritable, access, closeSource, minimum };
}

/** Checks the options of `duplicateOnto`, and returns whether the target is to be inheritable. */
export function parseOntoOptions(options: DuplicateOntoOptions | undefined): boolean {
  if (options === undefined) return false;
  checkKeys(options, ontoKeys);
  const { inheritable = false } = options;
  checkBoolean(inheritable, "inheritable");
  return inheritable;
}

/** Checks the options of `toSocket`. */
export function parseToSocketOptions(options: ToSocketOptions | undefined): ToSocketOptions {
  if (options === undefined) return {};
  checkKeys(options, ["allowHalfOpen"]);
  const { allowHalfOpen = false } = options;
  checkBoolean(allowHalfOpen, "allowHalfOpen");
  return { allowHalfOpen };
}

/** Checks the options of `toFd` and `toFileHandle`, and returns whether the file may make the runtime wait. */
export function parseToFileOptions(options: ToFileOptions | undefined): boolean {
  if (options === undefined) return false;
  checkKeys(options, ["mayBlock"]);
  const { mayBlock = false } = options;
  checkBoolean(mayBlock, "mayBlock");
  return mayBlock;
}

/** Throws a `TypeError` unless the value is an object with no other keys than the known ones. */
export function checkKeys(options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`Cannot use ${show(options)} as options: it must be an object`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new TypeError(`Cannot use the option ${show(key)}: it must be ${known.join(", ")}`);
  }
}

/** The longest time that a timer of every runtime can wait, in milliseconds: 24 days. */
export const MAX_TIMEOUT_MS = 0x7fff_ffff;

/** Throws a `TypeError` unless the value is an `AbortSignal`, of this realm or another, or `undefined`. */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw new TypeError(`Cannot use ${show(signal)} as signal: it must be an AbortSignal`);
}

/** The right to read. */
export const READ = 1;
/** The right to write. */
export const WRITE = 2;

/**
 * The rights to read and to write that an access asks for, where these two are all that there are.
 *
 * @throws {HandleError} `ENOTSUP` when it is a mask with other rights
 */
export function requestedRights(access: Access, fd: number): number {
  if (access === "read") return READ;
  if (access === "write") return WRITE;
  if (access === "read-write") return READ | WRITE;
  switch (Number(access) >>> 0) {
    case GENERIC_READ:
    case FILE_GENERIC_READ:
      return READ;
    case GENERIC_WRITE:
    case FILE_GENERIC_WRITE:
      return WRITE;
    case (GENERIC_READ | GENERIC_WRITE) >>> 0:
    case FILE_GENERIC_READ | FILE_GENERIC_WRITE:
      return READ | WRITE;
  }
  throw failure("ENOTSUP", "open", {
    message: `Cannot give a duplicate of fd ${fd} the access ${show(access)}: this system knows ` +
      'only reading and writing; use "read", "write", "read-write", GENERIC_* or FILE_GENERIC_*',
    handle: fd,
  });
}
