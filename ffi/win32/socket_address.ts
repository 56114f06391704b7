/** The addresses of sockets: `struct sockaddr_in`, `struct sockaddr_in6`. */
import { checkInteger, show } from "../check.ts";
import { failure } from "../error.ts";
import { parseIPv4, parseIPv6 } from "../ip_address.ts";
import { scratch } from "../backend/scratch.ts";
import { AF_INET, AF_INET6 } from "./socket_constants.ts";

/** An address of the family `AF_INET`, or of `AF_INET6` where a function says so. */
export interface SocketAddress {
  /** The address: of IPv4 such as `127.0.0.1`, of IPv6 such as `::1`. */
  readonly address: string;
  /** The port, from 0 to 65535. */
  readonly port: number;
}

/** Makes the bytes of a `struct sockaddr_in`, or of a `struct sockaddr_in6`. */
export function socketAddress(name: SocketAddress): Uint8Array {
  const text: unknown = name?.address;
  const { port } = name ?? {};
  const four = typeof text === "string" ? parseIPv4(text) : undefined;
  const six = typeof text === "string" ? parseIPv6(text) : undefined;
  if (four === undefined && six === undefined) {
    throw new TypeError(
      `Cannot use ${
        show(text)
      } as an address: it must be four numbers with dots, like 127.0.0.1, or one of IPv6, like ::1`,
    );
  }
  checkInteger(port, "port", 0, 0xffff);
  const ports = [port >> 8, port & 0xff];
  if (six === undefined) {
    return Uint8Array.of(AF_INET, 0, ...ports, ...four!, 0, 0, 0, 0, 0, 0, 0, 0);
  }
  const bytes = Uint8Array.of(AF_INET6, 0, ...ports, 0, 0, 0, 0, ...six.bytes, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(24, six.scope, true);
  return bytes;
}

/** Writes an address to the scratch memory and returns its location. */
export function writeAddress(sockaddr: Uint8Array): number {
  const { address, bytes } = scratch();
  bytes.set(sockaddr);
  return address;
}

/** Reads the address that a call wrote to the scratch memory. */
export function readAddress(): SocketAddress {
  const { bytes, data } = scratch();
  const family = data.getUint16(0, true);
  if (family !== AF_INET) {
    throw failure("EAFNOSUPPORT", "getsockname", {
      message:
        `Cannot read the address of a socket of family ${family}: only AF_INET is supported ` +
        "here; use the sockets of the runtime",
    });
  }
  return { address: bytes.subarray(4, 8).join("."), port: data.getUint16(2, false) };
}
