/** The encoding of messages: JSON, and beside it the contents of every `Uint8Array` in it. */
import { show } from "../../ffi/check.ts";

/** A message: a JSON value that may contain `Uint8Array`s. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** An encoded message. */
export interface EncodedMessage {
  readonly json: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

/**
 * In the JSON, an object whose only key is this one represents a `Uint8Array`; the value is its
 * index. A key of the user's that starts with this character is escaped: one more goes in front.
 */
const BYTES_KEY = "\u0001";
/** The key as JSON writes it. A text without it needs no decoding beyond JSON. */
const BYTES_KEY_IN_JSON = "\\u0001";
/** The deepest nesting; a message that contains itself exceeds it. */
const MAX_DEPTH = 1000;

/**
 * Encodes a message.
 *
 * @throws {TypeError} for what JSON cannot express: a function, a bigint, a number that is not finite, …
 */
export function encodeMessage(message: JsonValue): EncodedMessage {
  const parts: Uint8Array[] = [];
  const text = JSON.stringify(extractBytes(message, parts, 0));
  return { json: new TextEncoder().encode(text), parts };
}

/**
 * Decodes a message.
 *
 * @throws {SyntaxError} when the text is not JSON, or refers to bytes that are missing
 */
export function decodeMessage(json: Uint8Array, parts: readonly Uint8Array[]): JsonValue {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(json);
  const value = JSON.parse(text) as JsonValue;
  return text.includes(BYTES_KEY_IN_JSON) ? restoreBytes(value, parts) : value;
}

/** Replaces each `Uint8Array` by its reference; a value without any is not copied. */
function extractBytes(value: unknown, parts: Uint8Array[], depth: number): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value !== "object" || depth > MAX_DEPTH) throw notJsonError(value);
  if (value instanceof Uint8Array) return { [BYTES_KEY]: parts.push(value) - 1 };
  if (Array.isArray(value)) return extractFromArray(value, parts, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw notJsonError(value);
  return extractFromObject(value as Record<string, unknown>, parts, depth);
}

function extractFromArray(values: readonly unknown[], parts: Uint8Array[], depth: number): unknown {
  let changed: unknown[] | undefined;
  for (let at = 0; at < values.length; at++) {
    const extracted = extractBytes(values[at], parts, depth + 1);
    if (extracted !== values[at]) (changed ??= [...values])[at] = extracted;
  }
  return changed ?? values;
}

function extractFromObject(
  object: Readonly<Record<string, unknown>>,
  parts: Uint8Array[],
  depth: number,
): unknown {
  const entries: [string, unknown][] = [];
  let changed = false;
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue; // as JSON does
    const isEscaped = key.startsWith(BYTES_KEY);
    const extracted = extractBytes(value, parts, depth + 1);
    changed ||= isEscaped || extracted !== value;
    entries.push([isEscaped ? BYTES_KEY + key : key, extracted]);
  }
  return changed ? Object.fromEntries(entries) : object;
}

function restoreBytes(value: unknown, parts: readonly Uint8Array[]): JsonValue {
  if (typeof value !== "object" || value === null) return value as JsonValue;
  if (Array.isArray(value)) return value.map((each) => restoreBytes(each, parts));
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]![0] === BYTES_KEY) {
    const part = parts[entries[0]![1] as number];
    if (part === undefined) {
      throw new SyntaxError("a message refers to bytes that it does not have");
    }
    return part;
  }
  return Object.fromEntries(
    entries.map(([key, each]) => [
      key.startsWith(BYTES_KEY) ? key.slice(BYTES_KEY.length) : key,
      restoreBytes(each, parts),
    ]),
  );
}

function notJsonError(value: unknown): TypeError {
  return new TypeError(
    `Cannot send ${show(value)}: a message is made of null, booleans, finite numbers, strings, ` +
      `arrays, plain objects and Uint8Arrays, at most ${MAX_DEPTH} deep`,
  );
}
