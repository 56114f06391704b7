/**
 * The size of a message: its bytes, and what its values cost in memory beside them. `maxMessageBytes`
 * bounds both its bytes and its size; small limits leave the values some room.
 *
 * Sender and receiver find it by the same scan of the JSON's bytes, the receiver before it parses them.
 */

/**
 * What the values of a message cost in memory, in bytes. With these an accepted message costs at most 4 ×
 * its size in every runtime, and decoding 16 MiB of it blocks the event loop for at most 250 ms.
 */
export const Weight = {
  /** An array or an object. */
  Container: 64,
  /** A string, also as a key. */
  String: 64,
  /** A key beside its string: a `:`. Every object may have other keys than the one before. */
  Key: 64,
  /** A comma, for the element after it. */
  Comma: 8,
  /**
   * What an object has for each number up to the largest of its keys that are numbers: engines may store it as
   * an array.
   */
  Index: 8,
  /** The mark of an escape in a key: U+007F. */
  Escape: 128,
  /** A `Uint8Array`, beside the object in the JSON that refers to it. */
  Part: 1024,
} as const;

/** The size that every side accepts, in bytes. */
const MIN_LARGEST_SIZE = 1 << 20;

/** The largest size of a message that a side accepts which accepts so many bytes. */
export function largestSize(maxMessageBytes: number): number {
  return Math.max(maxMessageBytes, MIN_LARGEST_SIZE);
}

/** The bytes of the three counts at the start of a message. */
export const MESSAGE_HEADER_SIZE = 12;

/** The deepest nesting below a message's own level; a message that contains itself exceeds it. */
export const MAX_DEPTH = 1000;
/** The deepest nesting in JSON: that of a `Uint8Array` at the deepest place. */
const MAX_JSON_DEPTH = MAX_DEPTH + 2;

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const ARRAY_START = 0x5b;
const ARRAY_END = 0x5d;
const OBJECT_START = 0x7b;
const OBJECT_END = 0x7d;
/** U+007F, with which the keys of message.ts begin that are not the user's. */
const MARK = 0x7f;

/** The smallest number that no engine makes an array for, when it is a key. */
const MIN_SPARSE_INDEX = 100_000;
/** The largest number among the keys of the object at each level. */
const largestIndex: Int32Array = /* @__PURE__ */ new Int32Array(MAX_JSON_DEPTH + 1);

/**
 * What the values of a JSON text weigh, beside its bytes; `undefined` when they are nested too deep, or a key has
 * an escape, which message.ts writes in another way. For bytes that are not JSON it is at least what the JSON at
 * their start weighs.
 *
 * @param start where the text starts in the bytes
 * @param end where it ends
 */
export function weighJson(
  json: Uint8Array,
  start: number = 0,
  end: number = json.length,
): number | undefined {
  let weight = 0;
  let depth = 0;
  let isWide = false;
  /** Where the last string starts, and whether it has an escape: a colon makes it a key. */
  let stringAt = start;
  let hasEscape = false;
  largestIndex[0] = 0;
  for (let at = start; at < end; at++) {
    switch (json[at]) {
      case QUOTE:
        weight += Weight.String;
        stringAt = at + 1;
        hasEscape = false;
        for (at++; at < end; at++) {
          const byte = json[at]!;
          if (byte === QUOTE) break;
          if (byte === BACKSLASH) {
            hasEscape = true;
            if (json[++at] === LETTER_U) isWide = true;
          } else if (byte === MARK) {
            weight += Weight.Escape;
          } else if (byte > MARK) {
            isWide = true;
          }
        }
        break;
      case COMMA:
        weight += Weight.Comma;
        break;
      case COLON: {
        if (hasEscape) return undefined;
        weight += Weight.Key;
        const more = indexAt(json, stringAt) - largestIndex[depth]!;
        if (more > 0) {
          weight += Weight.Index * more;
          largestIndex[depth]! += more;
        }
        break;
      }
      case ARRAY_START:
      case OBJECT_START:
        weight += Weight.Container;
        if (++depth > MAX_JSON_DEPTH) return undefined;
        largestIndex[depth] = 0;
        break;
      case ARRAY_END:
      case OBJECT_END:
        if (depth > 0) depth--;
    }
  }
  // One letter beyond ASCII makes every letter of the text, or of a string, take two bytes.
  return isWide ? weight + end - start : weight;
}

/** The number that a key is, up to its quotation mark; 0 when it is none, or too large to matter. */
function indexAt(json: Uint8Array, at: number): number {
  let index = 0;
  if (json[at] === DIGIT_0) return 0; // 0 itself, or a text
  for (; index < MIN_SPARSE_INDEX; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) return index;
    if (!(byte >= DIGIT_0 && byte <= DIGIT_9)) return 0;
    index = 10 * index + byte - DIGIT_0;
  }
  return 0;
}
