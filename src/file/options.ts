/** The options, flags and attributes of `copyFileHandle`, checked before anything is done. */
import { checkBoolean, checkInteger, show } from "../../ffi/check.ts";
import { type DuplicateOptions, parseDuplicateOptions } from "../handle/options.ts";
import type { Access } from "../handle/types.ts";

/** How a copy of a file differs from its source; combine them with `|`. */
export const CopyFlags: {
  /** The access of the source. */
  readonly SameAccess: 0;
  /** Reading only. */
  readonly ReadOnly: 1;
  /** Writing only. */
  readonly WriteOnly: 2;
  /** Child processes inherit the copy. */
  readonly Inherit: 4;
  /** Child processes do not inherit the copy. This is the default, stated explicitly. */
  readonly CloseOnExec: 8;
  /** The source is consumed: its owner closes it, whether the copy succeeds or fails. */
  readonly CloseSource: 16;
} = {
  SameAccess: 0,
  ReadOnly: 1,
  WriteOnly: 2,
  Inherit: 4,
  CloseOnExec: 8,
  CloseSource: 16,
};

/** The part of a Windows `SECURITY_ATTRIBUTES` that applies to a copy, on every system. */
export interface CopyAttributes {
  /** Whether child processes inherit the copy. Default `false`. */
  readonly inheritHandle?: boolean | undefined;
  /** The rights of the copy as a Windows access mask; on POSIX `GENERIC_*` and `FILE_GENERIC_*`. */
  readonly desiredAccess?: number | undefined;
}

/** The arguments of `copyFileHandle` after the checks. */
export interface ResolvedCopyOptions {
  readonly access: Access;
  readonly inheritable: boolean;
  readonly closeSource: boolean;
}

const ALL_FLAGS = 31;

/** A copy without flags, options and attributes. */
const plain: ResolvedCopyOptions = { access: "same", inheritable: false, closeSource: false };
const attributeKeys: readonly string[] = ["inheritHandle", "desiredAccess"];

/**
 * Checks the arguments of `copyFileHandle` that follow the source, in either form: one options
 * object, or flags and attributes.
 *
 * @throws {TypeError} when one is unknown, or two contradict each other
 */
export function parseCopyOptions(
  flagsOrOptions: number | DuplicateOptions | undefined,
  attributes: CopyAttributes | undefined,
): ResolvedCopyOptions {
  if (flagsOrOptions === undefined && attributes === undefined) return plain;
  if (typeof flagsOrOptions !== "object" || flagsOrOptions === null) {
    return parseFlags(flagsOrOptions, attributes);
  }
  if (attributes !== undefined) {
    throw new TypeError(
      "Cannot use securityAttributes together with options: the options say the same; use access " +
        "and inheritable",
    );
  }
  const { access, inheritable, closeSource, minimum } = parseDuplicateOptions(flagsOrOptions);
  if (minimum !== undefined) {
    throw new TypeError(
      "Cannot use the option minimum for a copy that the runtime owns: the runtime chooses its " +
        "descriptor; use duplicate()",
    );
  }
  return { access, inheritable, closeSource };
}

function parseFlags(
  flags: number = CopyFlags.SameAccess,
  attributes: CopyAttributes = {},
): ResolvedCopyOptions {
  if (typeof flags !== "number") {
    throw new TypeError(
      `Cannot use ${
        show(flags)
      } as flags or options: flags are a number of CopyFlags, options an object`,
    );
  }
  checkInteger(flags, "flags", 0, ALL_FLAGS);
  checkAttributes(attributes);
  const has = (flag: number) => (flags & flag) !== 0;
  const { inheritHandle, desiredAccess } = attributes;
  const accesses: Access[] = [];
  if (has(CopyFlags.ReadOnly)) accesses.push("read");
  if (has(CopyFlags.WriteOnly)) accesses.push("write");
  if (desiredAccess !== undefined) accesses.push(desiredAccess);
  if (accesses.length > 1) throw contradiction("two accesses");
  const inheritances: boolean[] = [];
  if (has(CopyFlags.Inherit)) inheritances.push(true);
  if (has(CopyFlags.CloseOnExec)) inheritances.push(false);
  if (inheritHandle !== undefined) inheritances.push(inheritHandle);
  if (new Set(inheritances).size > 1) throw contradiction("inherited and not inherited");
  return {
    access: accesses[0] ?? "same",
    inheritable: inheritances[0] ?? false,
    closeSource: has(CopyFlags.CloseSource),
  };
}

function checkAttributes(attributes: unknown): asserts attributes is CopyAttributes {
  if (typeof attributes !== "object" || attributes === null) {
    throw new TypeError(`Cannot use ${show(attributes)} as securityAttributes: not an object`);
  }
  for (const key of Object.keys(attributes)) {
    if (attributeKeys.includes(key)) continue;
    throw new TypeError(`Cannot use the security attribute ${show(key)}: it is not known`);
  }
  const { inheritHandle, desiredAccess } = attributes as CopyAttributes;
  if (inheritHandle !== undefined) checkBoolean(inheritHandle, "inheritHandle");
  if (desiredAccess !== undefined) {
    checkInteger(desiredAccess, "desiredAccess", -0x8000_0000, 0xffff_ffff);
  }
}

function contradiction(what: string): TypeError {
  return new TypeError(`Cannot copy a file handle with ${what}: leave one of them out`);
}
