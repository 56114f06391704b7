/** What a socket of this process is, and its two addresses. */
import { readText, readWideString, scratch } from "../backend/scratch.ts";
import { socketType, winsock } from "./winsock.ts";

/** ws2def.h. */
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 23;

/** The size of an address with its longest path, and offsets in `sockaddr_in`, `_in6` and `_un`. */
const ADDRESS_SIZE = 128;
const PORT = 2;
const ADDRESS4 = 4;
const ADDRESS6 = 8;
const SCOPE6 = 24;
const PATH = 2;
/** Where the length of a result lies in the scratch memory, and where the text of an address. */
const LENGTH = 1024;
const TEXT = 2048;
/** The longest text of an address, in characters. */
const TEXT_LENGTH = 64;

/** An address of a socket. */
export type SocketName =
  | { readonly family: "IPv4" | "IPv6"; readonly address: string; readonly port: number }
  /** `path` is `""` for a socket without a name. */
  | { readonly family: "unix"; readonly path: string }
  | { readonly family: "other" };

/** What a socket is. */
export interface SocketFacts {
  /** `SOCK_STREAM`, `SOCK_DGRAM`, … */
  readonly type: number;
  readonly isListening: boolean;
  readonly local: SocketName;
  /** The address of its peer; `undefined` when it is not connected. */
  readonly remote: SocketName | undefined;
}

/** What a socket of this process is; `undefined` when Winsock in this process does not know it. */
export function socketFacts(raw: number): SocketFacts | undefined {
  const { getsockname, getpeername } = winsock();
  const { address, data } = scratch();
  const found = socketType(raw);
  if (found === undefined) return undefined;
  const { family, type, isListening } = found;
  const name = (call: typeof getsockname) => {
    data.setInt32(LENGTH, ADDRESS_SIZE, true);
    return call(raw, address, address + LENGTH) === 0 ? readName() : undefined;
  };
  // A socket that is not bound has no name.
  return {
    type,
    isListening,
    local: name(getsockname) ?? unnamed(family),
    remote: name(getpeername),
  };
}

function unnamed(family: number): SocketName {
  switch (family) {
    case AF_INET:
      return { family: "IPv4", address: "0.0.0.0", port: 0 };
    case AF_INET6:
      return { family: "IPv6", address: "::", port: 0 };
    case AF_UNIX:
      return { family: "unix", path: "" };
    default:
      return { family: "other" };
  }
}

/** Reads the address at the start of the scratch memory. Winsock must have been started. */
export function readName(): SocketName {
  const { bytes, data } = scratch();
  switch (data.getUint16(0, true)) {
    case AF_INET:
      return {
        family: "IPv4",
        address: bytes.subarray(ADDRESS4, ADDRESS4 + 4).join("."),
        port: data.getUint16(PORT),
      };
    case AF_INET6:
      return { family: "IPv6", address: readAddress6(), port: data.getUint16(PORT) };
    case AF_UNIX: {
      const path = bytes.subarray(PATH, Math.min(data.getInt32(LENGTH, true), ADDRESS_SIZE));
      const end = path.indexOf(0);
      return { family: "unix", path: readText(PATH, end === -1 ? path.length : end) };
    }
    default:
      return { family: "other" };
  }
}

function readAddress6(): string {
  const { address, data } = scratch();
  winsock().InetNtopW(AF_INET6, address + ADDRESS6, address + TEXT, TEXT_LENGTH);
  let length = 0;
  while (length < TEXT_LENGTH && data.getUint16(TEXT + length * 2, true) !== 0) length++;
  const scope = data.getUint32(SCOPE6, true);
  return readWideString(TEXT, length * 2) + (scope === 0 ? "" : `%${scope}`);
}
