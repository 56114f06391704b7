/** Addresses of sockets as the system has them: `struct sockaddr_in`, `sockaddr_in6` and `sockaddr_un`. */
import { checkInteger, show } from "../check.ts";
import { osName } from "../host.ts";
import { parseIPv4, parseIPv6 } from "../ip_address.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./constants.ts";
import type { SocketName } from "./socket_name.ts";

/** The sizes of the structures of the Internet, and the offset of a path. */
const SIZE4 = 16;
const SIZE6 = 28;
const PATH = 2;

/** The size of `sun_path`. */
export const PATH_SIZE = 108;

/** An address that a socket can be given, or be connected to. */
export type KnownSocketName = Exclude<SocketName, { readonly family: "other" }>;

/** An address as the system has it. */
export interface Sockaddr {
  /** The bytes of the structure. */
  readonly bytes: Uint8Array;
  /** The address for messages. */
  readonly text: string;
}

/**
 * Makes the structure of an address. Each property is read once.
 *
 * @throws {TypeError} when it is none
 */
export function sockaddrOf(name: KnownSocketName): Sockaddr {
  const { family } = (name ?? {}) as { readonly family?: unknown };
  switch (family) {
    case "IPv4":
    case "IPv6": {
      const { address, port } = name as { readonly address: unknown; readonly port: unknown };
      checkInteger(port, "port", 0, 0xffff);
      const bytes = family === "IPv4" ? sockaddr4(address, port) : sockaddr6(address, port);
      return { bytes, text: `${address as string} port ${port}` };
    }
    case "unix":
      return sockaddrUnix((name as { readonly path: unknown }).path);
  }
  throw new TypeError(
    `Cannot use the address of a socket whose family is ${
      show(family)
    }: it must be "IPv4" or "IPv6" ` +
      'with an address and a port, or "unix" with a path',
  );
}

function sockaddr4(text: unknown, port: number): Uint8Array {
  const parsed = typeof text === "string" ? parseIPv4(text) : undefined;
  if (parsed === undefined) throw notAnAddress(text, "IPv4", "127.0.0.1");
  const bytes = structure(SIZE4, AF_INET);
  bytes.set([port >> 8, port & 0xff, ...parsed], 2);
  return bytes;
}

function sockaddr6(text: unknown, port: number): Uint8Array {
  const parsed = typeof text === "string" ? parseIPv6(text) : undefined;
  if (parsed === undefined) throw notAnAddress(text, "IPv6", "::1, or fe80::1%2 with an interface");
  const bytes = structure(SIZE6, AF_INET6);
  bytes.set([port >> 8, port & 0xff], 2);
  bytes.set(parsed.bytes, 8);
  new DataView(bytes.buffer).setUint32(24, parsed.scope, true);
  return bytes;
}

function sockaddrUnix(path: unknown): Sockaddr {
  const encoded = encodeSocketPath(path);
  // A path ends with NUL. An abstract name is all of its length, and no name has no byte.
  const end = encoded.length === 0 || encoded[0] === 0 ? 0 : 1;
  const bytes = structure(PATH + encoded.length + end, AF_UNIX);
  bytes.set(encoded, PATH);
  return { bytes, text: (path as string).replaceAll("\0", "@") };
}

/**
 * The bytes of the path of a socket, or of an abstract name, which starts with NUL.
 *
 * @throws {TypeError} when it is no string, is too long, or is a path with NUL
 */
export function encodeSocketPath(path: unknown): Uint8Array {
  if (typeof path !== "string") {
    throw new TypeError(`Cannot use ${show(path)} as the path of a socket: it must be a string`);
  }
  const isAbstract = path.startsWith("\0");
  if (!isAbstract && path.includes("\0")) {
    throw new TypeError(
      `Cannot use ${
        show(path)
      } as the path of a socket: NUL is only at the start of an abstract name`,
    );
  }
  if (/\p{Surrogate}/u.test(path)) {
    throw new TypeError(
      "Cannot use a path of a socket that contains half of a surrogate pair: it has no UTF-8",
    );
  }
  const encoded = new TextEncoder().encode(path);
  const most = isAbstract ? PATH_SIZE : PATH_SIZE - 1;
  if (encoded.length <= most) return encoded;
  throw new TypeError(
    `Cannot use a path of ${encoded.length} bytes for a socket: it may have at most ${most}; use a ` +
      "shorter one, such as a relative path",
  );
}

/** The start of a structure. On macOS its first byte is the length. */
function structure(size: number, family: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  bytes.set(osName() === "darwin" ? [size, family] : [family, 0]);
  return bytes;
}

function notAnAddress(text: unknown, family: string, example: string): TypeError {
  return new TypeError(
    `Cannot use ${
      show(text)
    } as an address of ${family}: it must be a number such as ${example}; ` +
      "node:dns finds the numbers of a name",
  );
}
