/** A message as bytes: JSON, and beside it the contents of every `Uint8Array` in it. */
import { show } from "../../ffi/check.ts";

/** What JSON can say, and bytes. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A message in two parts. */
export interface Encoded {
  readonly json: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

/**
 * In the JSON an object with this key alone stands for bytes, its value is their index. A key of
 * the user's that starts with it gets it once more in front.
 */
const MARK = "\u0001";
/** How JSON writes it: what does not hold this has nothing to be put back. */
const ESCAPED_MARK = "\\u0001";
/** Nobody means a deeper message; one that holds itself has no end. */
const MAX_DEPTH = 1000;

/**
 * A message as bytes.
 *
 * @throws {TypeError} for what JSON cannot say: a function, a bigint, a number that is not finite, …
 */
export function encodeMessage(message: JsonValue): Encoded {
  const parts: Uint8Array[] = [];
  const text = JSON.stringify(takeBytes(message, parts, 0));
  return { json: new TextEncoder().encode(text), parts };
}

/**
 * The message that such bytes are.
 *
 * @throws {SyntaxError} when they are none
 */
export function decodeMessage(json: Uint8Array, parts: readonly Uint8Array[]): JsonValue {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(json);
  const value = JSON.parse(text) as JsonValue;
  return text.includes(ESCAPED_MARK) ? putBytes(value, parts) : value;
}

/** The same value with marks for bytes; what holds none is not copied. */
function takeBytes(value: unknown, parts: Uint8Array[], depth: number): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value !== "object" || depth > MAX_DEPTH) throw notJson(value);
  if (value instanceof Uint8Array) return { [MARK]: parts.push(value) - 1 };
  if (Array.isArray(value)) return takeFromArray(value, parts, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw notJson(value);
  return takeFromObject(value as Record<string, unknown>, parts, depth);
}

function takeFromArray(values: readonly unknown[], parts: Uint8Array[], depth: number): unknown {
  let changed: unknown[] | undefined;
  for (let at = 0; at < values.length; at++) {
    const taken = takeBytes(values[at], parts, depth + 1);
    if (taken !== values[at]) (changed ??= [...values])[at] = taken;
  }
  return changed ?? values;
}

function takeFromObject(
  object: Readonly<Record<string, unknown>>,
  parts: Uint8Array[],
  depth: number,
): unknown {
  const entries: [string, unknown][] = [];
  let changed = false;
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue; // as JSON does
    const isMarked = key.startsWith(MARK);
    const taken = takeBytes(value, parts, depth + 1);
    changed ||= isMarked || taken !== value;
    entries.push([isMarked ? MARK + key : key, taken]);
  }
  return changed ? Object.fromEntries(entries) : object;
}

function putBytes(value: unknown, parts: readonly Uint8Array[]): JsonValue {
  if (typeof value !== "object" || value === null) return value as JsonValue;
  if (Array.isArray(value)) return value.map((each) => putBytes(each, parts));
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]![0] === MARK) {
    const part = parts[entries[0]![1] as number];
    if (part === undefined) throw new SyntaxError("a message names bytes that it does not have");
    return part;
  }
  return Object.fromEntries(
    entries.map(([key, each]) => [
      key.startsWith(MARK) ? key.slice(MARK.length) : key,
      putBytes(each, parts),
    ]),
  );
}

function notJson(value: unknown): TypeError {
  return new TypeError(
    `Cannot send ${show(value)}: a message is made of null, booleans, finite numbers, strings, ` +
      `arrays, plain objects and Uint8Arrays, at most ${MAX_DEPTH} deep`,
  );
}
