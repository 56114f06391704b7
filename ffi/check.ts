/** Checks of arguments. A value that fails its check never reaches the system. */

/** The largest file descriptor that a C `int` can hold. */
export const MAX_FD = 0x7fff_ffff;

/** Whether the value is an integer from 0 to 2^31 − 1. −0 is not: Deno's FFI refuses it. */
export function isFd(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value && value >= 0 && !Object.is(value, -0);
}

/** Throws a `TypeError` unless the value could be a file descriptor. */
export function checkFd(value: unknown, name: string = "fd"): asserts value is number {
  if (!isFd(value)) throw notAnFd(value, name);
}

/** Throws a `TypeError` unless the value is an integer from `least` to `most`. */
export function checkInteger(
  value: unknown,
  name: string,
  least: number,
  most: number,
): asserts value is number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) {
    // −0, as in isFd. Values wider than 32 bits, such as offsets, are converted before the call.
    if (most > 0xffff_ffff || !Object.is(value, -0)) return;
  }
  throw new TypeError(
    `Cannot use ${show(value)} as ${name}: it must be an integer from ${least} to ${most}`,
  );
}

/** Throws a `TypeError` unless the value is an integer that a C `int` can hold. */
export function checkInt(value: unknown, name: string): asserts value is number {
  checkInteger(value, name, -0x8000_0000, MAX_FD);
}

/** Throws a `TypeError` unless the value is a boolean. */
export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== "boolean") {
    throw new TypeError(`Cannot use ${show(value)} as ${name}: it must be true or false`);
  }
}

/** Throws a `TypeError` unless the value is an object that can be iterated, such as an array. */
export function checkIterable(value: unknown, name: string): asserts value is Iterable<unknown> {
  if (typeof value === "object" && value !== null && Symbol.iterator in value) return;
  throw new TypeError(`Cannot use ${show(value)} as ${name}: it must be iterable, as an array is`);
}

/** Throws a `TypeError` unless the value is a `Uint8Array` of at least `count` bytes. */
export function checkBuffer(value: unknown, count: unknown): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`Cannot use ${show(value)} as a buffer: it must be a Uint8Array`);
  }
  checkInteger(count, "count", 0, value.length);
}

/** Describes a value in a message. It is short, and it never runs code of the value. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (isPromise(value)) return "a promise";
  if (typeof value === "object" && value !== null) return "an object";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Whether a value is a promise, which the caller forgot to await. Never throws. */
export function isPromise(value: unknown): boolean {
  try {
    return value instanceof Promise;
  } catch {
    return false;
  }
}

function notAnFd(value: unknown, name: string): TypeError {
  const hint = value === -1
    ? "; -1 is what a failed call returns"
    : typeof value === "object"
    ? ", such as 1 for standard output"
    : "";
  return new TypeError(
    `Cannot use ${show(value)} as ${name}: it must be an integer from 0 to ${MAX_FD}${hint}`,
  );
}
