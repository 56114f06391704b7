/** Short texts: for them the codecs of the runtime, which are native calls, cost more than a loop does. */

/** The longest of them, in bytes. */
const MAX_SHORT_TEXT = 64;

/** Encodes a short text of ASCII; `undefined` for any other. */
export function encodeShort(text: string): Uint8Array | undefined {
  const { length } = text;
  if (length > MAX_SHORT_TEXT) return undefined;
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7f) return undefined;
    bytes[at] = unit;
  }
  return bytes;
}

/** Decodes a short text of ASCII between two places of the bytes; `undefined` for any other. */
export function decodeShort(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > MAX_SHORT_TEXT) return undefined;
  let text = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}
