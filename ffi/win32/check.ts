/** Checks of arguments that only Windows has. */
import { checkInteger, show } from "../check.ts";

/** Whether the value could be a `HANDLE`: a 32-bit integer, sign-extended, and not `NULL`. */
export function isHandle(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value && value !== 0;
}

/** Throws a `TypeError` unless the value could be a `HANDLE`. */
export function checkHandle(value: unknown, name: string): asserts value is number {
  if (isHandle(value)) return;
  throw new TypeError(
    `Cannot use ${show(value)} as ${name}: a handle is a 32-bit integer other than 0`,
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
