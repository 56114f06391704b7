/** Checks of arguments that only Windows has. */
import { checkInteger, show } from "../check.ts";

/**
 * Throws a `TypeError` unless the value could be a `HANDLE`: a 32-bit integer, sign-extended, and
 * not `NULL`. Real handles are multiples of 4. The system ignores the low two bits, so a number
 * like 5 would silently mean the handle 4.
 */
export function checkHandle(value: unknown, name: string): asserts value is number {
  if (typeof value === "number" && (value | 0) === value && value !== 0) {
    if ((value & 3) === 0 || isPseudoHandle(value)) return;
  }
  throw new TypeError(
    `Cannot use ${show(value)} as ${name}: a handle is a 32-bit multiple of 4 other than 0`,
  );
}

/**
 * Whether the handle is one of the constants that stand for something of the caller's own: −1 this
 * process, −2 this thread, −4 to −6 this thread's and process's tokens.
 */
export function isPseudoHandle(handle: number): boolean {
  return handle < 0 && handle >= -6;
}

/** Throws a `TypeError` unless the value is a 32-bit access mask. */
export function checkAccessMask(value: unknown, name: string): asserts value is number {
  checkInteger(value, name, -0x8000_0000, 0xffff_ffff);
}
