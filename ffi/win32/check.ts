/** Checks of arguments for Windows calls. */
import { checkInteger, show } from "../check.ts";
import { wideString } from "../backend/scratch.ts";

/**
 * Throws a `TypeError` unless the value could be a `HANDLE`: a 32-bit integer, sign-extended, and
 * not `NULL`. Real handles are multiples of 4. The system ignores the low two bits, so a number
 * like 5 would silently refer to handle 4.
 *
 * @param none for a parameter that may be left out: what to pass then, as the end of the message
 */
export function checkHandle(
  value: unknown,
  name: string,
  none?: string,
): asserts value is number {
  if (typeof value === "number" && (value | 0) === value && value !== 0) {
    if ((value & 3) === 0 || isPseudoHandle(value)) return;
  }
  throw new TypeError(
    `Cannot use ${show(value)} as ${name}: a handle is a 32-bit multiple of 4 other than 0` +
      (none === undefined ? "" : `; ${none}`),
  );
}

/** The pseudo-handle of this process, as GetCurrentProcess returns it. */
export const SELF = -1;

/**
 * Whether the handle is a pseudo-handle, a constant that refers to the caller: −1 is its process,
 * −2 its thread, −4 to −6 are the tokens of its process and thread.
 */
export function isPseudoHandle(handle: number): boolean {
  return handle < 0 && handle >= -6;
}

/** Throws a `TypeError` unless the value is a 32-bit access mask. */
export function checkAccessMask(value: unknown, name: string): asserts value is number {
  checkInteger(value, name, -0x8000_0000, 0xffff_ffff);
}

/**
 * Throws a `TypeError` unless the value could be an `HKEY`: a 32-bit integer, sign-extended, and
 * not `NULL`. The predefined keys and those under `HKEY_CLASSES_ROOT` are not multiples of 4.
 */
export function checkKey(value: unknown, name: string): asserts value is number {
  if (typeof value === "number" && (value | 0) === value && value !== 0 && value !== -1) return;
  throw new TypeError(
    `Cannot use ${show(value)} as ${name}: a key is a 32-bit integer other than 0 and -1`,
  );
}

/** Throws a `TypeError` unless the value is a `DWORD`. */
export function checkDword(value: unknown, name: string): asserts value is number {
  checkInteger(value, name, 0, 0xffff_ffff);
}

/**
 * Writes a string into the scratch memory and returns its address.
 *
 * @param limit the most bytes that it may take
 * @throws {TypeError} when it is not a string or does not fit
 */
export function stringArgument(value: unknown, name: string, limit?: number): number {
  if (typeof value === "string") return wideString(value, name, limit);
  throw new TypeError(`Cannot use ${show(value)} as ${name}: it must be a string`);
}

/** As {@linkcode stringArgument}, or 0 for `null`. */
export function nameArgument(value: unknown, name: string): number {
  return value === null ? 0 : stringArgument(value, name);
}
