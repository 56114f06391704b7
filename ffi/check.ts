/**
 * Checks of arguments, and the memory of those that are views.
 * A value that fails its check never reaches the system.
 */

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

/** Describes a value in a message. It is short, and it never runs code of the value. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (isPromise(value)) return "a promise";
  if (typeof value === "object" && value !== null) return "an object";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** As {@linkcode show}, and of an object the name of its class: `a Server`. */
export function showWithClass(value: unknown): string {
  const name = classOf(value);
  if (name === undefined || isPromise(value)) return show(value);
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/** The name of an object's class; `undefined` where it has none. It runs no code of the object that throws. */
export function classOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    const [, tag = ""] = /^\[object (.*)\]$/.exec(Object.prototype.toString.call(value)) ?? [];
    const name: unknown = tag === "Object" || tag === "" ? value.constructor.name : tag;
    const isName = typeof name === "string" && /^[\w$]{1,60}$/.test(name);
    return isName && name !== "Object" ? name : undefined;
  } catch {
    return undefined; // a getter or a proxy that throws, or an object without a prototype
  }
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

/*
 * Views of memory, as the engine knows them. An object can claim anything of itself: a subclass has getters and
 * methods of its own, a proxy answers as it likes. So nothing here reads a property of a view that a caller
 * passes. The engine's own getters work on a view of any realm, and on nothing else.
 */

/** One of the engine's own getters and methods of a view, to be called on it. */
type Own<Result> = (this: unknown, ...values: never[]) => Result;

const kindOf = /* @__PURE__ */ own<string | undefined>(Symbol.toStringTag);
const lengthOf = /* @__PURE__ */ own<number>("length");
const bufferOf = /* @__PURE__ */ own<ArrayBuffer>("buffer");
const offsetOf = /* @__PURE__ */ own<number>("byteOffset");
const byteLengthOf = /* @__PURE__ */ own<number>("byteLength");
const copyAll = /* @__PURE__ */ own<void>("set") as (this: unknown, source: Uint8Array) => void;
const first = /* @__PURE__ */ own<unknown>("at") as (this: unknown, index: 0) => unknown;

/**
 * Throws a `TypeError` unless the value is a `Uint8Array` of at least `count` bytes.
 *
 * @param count how many bytes of it are used, all when `undefined`
 * @returns how many bytes of it are used
 */
export function checkBuffer(value: unknown, count?: unknown): number {
  const length = checkBytes(value);
  if (count === undefined) return length;
  checkInteger(count, "count", 0, length);
  return count;
}

/** Throws a `TypeError` unless the value is a `Uint8Array`. Returns its length. */
export function checkBytes(value: unknown): number {
  if (!isBytes(value)) {
    throw new TypeError(`Cannot use ${show(value)} as a buffer: it must be a Uint8Array`);
  }
  const length = lengthOf.call(value);
  if (length === 0) checkPresent(value);
  return length;
}

/** Whether the value is a `Uint8Array`, of this realm or another. */
export function isBytes(value: unknown): value is Uint8Array {
  return kindOf.call(value) === "Uint8Array";
}

/** So many bytes are copied one by one. */
const FEW = 128;

/** Copies the first `count` bytes of a checked buffer to an offset in memory of this library. */
export function copyFrom(buffer: Uint8Array, count: number, memory: Uint8Array, at = 0): void {
  if (count === lengthOf.call(buffer)) memory.set(buffer, at);
  // No getter stands before the elements of a typed array, so a few are copied in less time so.
  else if (count <= FEW) {
    for (let each = 0; each < count; each++) memory[at + each] = buffer[each]!;
  } // Not by subarray(), which calls a constructor that the view names.
  else memory.set(new Uint8Array(bufferOf.call(buffer), offsetOf.call(buffer), count), at);
}

/** Copies bytes of this library to the start of a checked buffer. */
export function copyTo(buffer: Uint8Array, bytes: Uint8Array): void {
  copyAll.call(buffer, bytes);
}

/** The memory of a typed array of any kind or of a `DataView`, as an array of bytes. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  checkPresent(view);
  if (kindOf.call(view) === undefined) {
    const { prototype } = DataView;
    const part = (name: "buffer" | "byteOffset" | "byteLength") =>
      Reflect.get(prototype, name, view) as never;
    return new Uint8Array(part("buffer"), part("byteOffset"), part("byteLength"));
  }
  return new Uint8Array(bufferOf.call(view), offsetOf.call(view), byteLengthOf.call(view));
}

/** Throws a `TypeError` when the memory of a view is gone: it was transferred, or its buffer has shrunk. */
function checkPresent(view: unknown): void {
  try {
    if (kindOf.call(view) === undefined) Reflect.get(DataView.prototype, "byteLength", view);
    else first.call(view, 0);
  } catch {
    throw new TypeError(
      "Cannot use a buffer whose memory is gone: it was transferred, or its ArrayBuffer was resized; " +
        "pass one that has its memory",
    );
  }
}

/** Finds a getter or a method of the class that all typed arrays extend. */
function own<Result>(name: PropertyKey): Own<Result> {
  const prototype: object = Object.getPrototypeOf(Uint8Array.prototype);
  const { get, value } = Object.getOwnPropertyDescriptor(prototype, name)!;
  return get ?? value as Own<Result>;
}
