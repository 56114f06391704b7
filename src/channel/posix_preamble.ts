/**
 * What a client on Linux writes first on each of its two sockets, so that the server knows which two belong
 * together. docs/channels.md describes the format.
 */
import { concatenate } from "./frame_memory.ts";
import { int32s, MAGIC, readInt32s, VERSION } from "./frames.ts";

/** The size of a preamble in bytes. */
export const PREAMBLE_SIZE = 28;
/** The size of the random part, in bytes. */
const TOKEN_SIZE = 16;
const TOKEN_AT: number = PREAMBLE_SIZE - TOKEN_SIZE;

/** What a socket is for. */
export const Role = { Stream: 1, Handles: 2 } as const;

/** What a socket is for. */
export type RoleValue = typeof Role[keyof typeof Role];

/** The preamble of a socket. */
export interface Preamble {
  readonly version: number;
  readonly role: number;
  /** The same on both sockets of a client, as text. */
  readonly token: string;
}

/** Makes a token that no other client has. */
export function createToken(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(TOKEN_SIZE));
}

/** Encodes a preamble. */
export function writePreamble(role: RoleValue, token: Uint8Array): Uint8Array {
  return concatenate([int32s(MAGIC, VERSION, role), token]);
}

/** Decodes a preamble; `undefined` when it is none. */
export function readPreamble(bytes: Uint8Array): Preamble | undefined {
  const [magic, version, role] = readInt32s(bytes) as [number, number, number];
  if (magic !== MAGIC) return undefined;
  return { version, role, token: bytes.subarray(TOKEN_AT).join() };
}
