/** The encoding of messages: JSON, and beside it the contents of every `Uint8Array` in it. */
import { bytesOf, isBytes, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import {
  type EncodedMessage,
  type MessageBody,
  type MessageParts,
  protocolError,
} from "./frames.ts";
import { MAX_DEPTH, MESSAGE_HEADER_SIZE, weighJson, Weight } from "./json_size.ts";
import { encodeShort } from "./short_text.ts";

/** A message: a JSON value that may contain `Uint8Array`s. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * The mark of what is not only JSON. An object whose only key is this one represents a `Uint8Array`; the
 * value is its index. A longer key that starts with it is escaped as a string of JSON is, with this
 * character for the backslash. So no key has a backslash in the JSON: where a key was a backslash once,
 * the `JSON.parse` of V8 takes other keys with one for the same (nodejs/node#63785).
 */
const MARK = "\u007f";
// deno-lint-ignore no-control-regex
const needsEscape = /["\\\u0000-\u001f\u007f\ud800-\udfff]/;
// deno-lint-ignore no-control-regex
const toEscape = /["\\\u0000-\u001f\u007f\ud800-\udfff]/g;
/** The largest size that any peer can accept: a hello has 31 bits for it. */
const MAX_SIZE = 0x7fff_ffff;

let utf8Encoder: TextEncoder | undefined;
let utf8Decoder: TextDecoder | undefined;
const encoder = () => utf8Encoder ??= new TextEncoder();
const decoder = () => utf8Decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Encodes a message. Each property is read once, and no method of the message is called.
 *
 * @throws {TypeError} for what JSON cannot express: a function, a bigint, a number that is not finite, …;
 * and for an object with a method `toJSON`, which would have to be called
 * @throws {HandleError} `EMSGSIZE` for what is too large for every peer
 */
export function encodeMessage(message: JsonValue): EncodedMessage {
  const snapshot = new Snapshot();
  const value = snapshot.take(message, 0);
  if ("toJSON" in Array.prototype) removePrototypes(value);
  const text = JSON.stringify(value);
  const json = encodeShort(text) ?? encoder().encode(text);
  const { parts } = snapshot;
  let partBytes = 0;
  for (const { length } of parts) partBytes += length;
  const bodyLength = MESSAGE_HEADER_SIZE + json.length + 4 * parts.length + partBytes;
  return {
    json,
    parts,
    bodyLength,
    size: bodyLength + weighJson(json)! + Weight.Part * parts.length,
  };
}

/**
 * Decodes a message. Parts that the JSON does not refer to are ignored.
 *
 * @throws {HandleError} `EPROTO` when the text is not JSON, or refers to bytes that are missing or that
 * it has referred to before
 */
export function decodeMessage({ json, parts }: MessageBody): JsonValue {
  try {
    const text = typeof json === "string" ? json : decoder().decode(json);
    const value = JSON.parse(text) as JsonValue;
    // Most texts need no decoding beyond JSON.
    return text.includes(MARK) ? restore(value, parts) : value;
  } catch (cause) {
    throw protocolError("a message that is not JSON", cause);
  }
}

/**
 * The objects of a snapshot inherit nothing: neither a `toJSON`, nor a setter that an assignment would
 * call, nor `__proto__`.
 */
const Bare = /* @__PURE__ */ (() => {
  const constructor = function () {} as unknown as new () => Record<string, unknown>;
  constructor.prototype = Object.create(null);
  return constructor;
})();

/**
 * A copy of a message for `JSON.stringify`, which would read its properties again and call its methods.
 * In the copy a reference stands for each `Uint8Array`.
 */
class Snapshot {
  readonly parts: Uint8Array[] = [];
  /** What the arrays and objects weigh at least, so that one with itself in it many times ends in time. */
  #weight = 0;

  take(value: unknown, depth: number): unknown {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (typeof value !== "object" || depth > MAX_DEPTH) throw notJsonError(value);
    this.#weight += Weight.Container;
    if (this.#weight > MAX_SIZE) throw tooLargeError();
    if (Array.isArray(value)) return this.#takeArray(value, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      if (isBytes(value)) return this.#takeBytes(value);
      // The Object.prototype of another realm is an object without a prototype, too.
      if (Object.getPrototypeOf(prototype) !== null) throw notJsonError(value);
    }
    checkToJson(value);
    return this.#takeObject(value as Record<string, unknown>, depth);
  }

  #takeArray(values: readonly unknown[], depth: number): unknown {
    checkToJson(values);
    const { length } = values;
    const copy: unknown[] = [];
    for (let at = 0; at < length; at++) copy.push(this.take(values[at], depth + 1));
    return copy;
  }

  #takeObject(object: Readonly<Record<string, unknown>>, depth: number): unknown {
    const copy = new Bare();
    for (const key of Object.keys(object)) {
      const value = object[key];
      if (value === undefined) continue; // as JSON does
      copy[needsEscape.test(key) ? escapeKey(key) : key] = this.take(value, depth + 1);
    }
    return copy;
  }

  #takeBytes(bytes: Uint8Array): unknown {
    const copy = new Bare();
    copy[MARK] = this.parts.push(viewOf(bytes)) - 1;
    return copy;
  }
}

/** Refuses a value with a method toJSON. One that pollutes every object or array does not count. */
function checkToJson(value: object): void {
  if (!("toJSON" in value)) return;
  for (
    let holder: object | null = value;
    holder !== null && holder !== Object.prototype && holder !== Array.prototype;
    holder = Object.getPrototypeOf(holder) as object | null
  ) {
    const property = Object.getOwnPropertyDescriptor(holder, "toJSON");
    if (property === undefined) continue;
    if (property.get !== undefined || typeof property.value === "function") {
      throw notJsonError(value);
    }
    return;
  }
}

/** Arrays of a snapshot inherit a `toJSON` that somebody has given to every array or object. */
function removePrototypes(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const each of Object.values(value)) removePrototypes(each);
  if (Array.isArray(value)) Object.setPrototypeOf(value, null);
}

/** A view of the same bytes, of this realm and without properties of its own; none where they are gone. */
function viewOf(bytes: Uint8Array): Uint8Array {
  try {
    return bytesOf(bytes);
  } catch {
    return new Uint8Array(0);
  }
}

/** Replaces each reference by its bytes, in place, and each escaped key. */
function restore(value: JsonValue, parts: MessageParts): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const each = value[at] as JsonValue;
      if (typeof each === "object" && each !== null) value[at] = restore(each, parts);
    }
    return value;
  }
  const object = value as Record<string, JsonValue>;
  const keys = Object.keys(object);
  let hasEscapedKeys = false;
  for (const key of keys) {
    if (key === MARK) return takeReferred(object, keys, parts);
    const each = object[key]!;
    hasEscapedKeys ||= key.startsWith(MARK);
    // The property is the object's own, also if it is called __proto__.
    if (typeof each === "object" && each !== null) object[key] = restore(each, parts);
  }
  if (!hasEscapedKeys) return object;
  return Object.fromEntries(keys.map((key) => [unescapeKey(key), object[key]!]));
}

/** The bytes that an object refers to. */
function takeReferred(
  object: Readonly<Record<string, JsonValue>>,
  keys: readonly string[],
  parts: MessageParts,
): JsonValue {
  const part = keys.length === 1 ? parts.take(object[MARK]) : undefined;
  if (part === undefined) {
    throw new SyntaxError("a message refers to bytes that it does not have");
  }
  return part;
}

function escapeKey(key: string): string {
  const escape = (unit: string) => `${MARK}u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return MARK + key.replace(toEscape, escape);
}

function unescapeKey(key: string): string {
  return key.startsWith(MARK)
    ? JSON.parse(`"${key.slice(MARK.length).replaceAll(MARK, "\\")}"`) as string
    : key;
}

function tooLargeError(): Error {
  return failure("EMSGSIZE", "send", {
    message: `Cannot send a message of more than ${MAX_SIZE} bytes: no process accepts it; send ` +
      "smaller messages",
  });
}

function notJsonError(value: unknown): TypeError {
  return new TypeError(
    `Cannot send ${show(value)}: a message is made of null, booleans, finite numbers, strings, ` +
      `arrays, plain objects without toJSON and Uint8Arrays, at most ${MAX_DEPTH + 1} deep`,
  );
}
