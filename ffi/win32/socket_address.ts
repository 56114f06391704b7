/** The addresses of sockets: `struct sockaddr_in`. */
import { checkInteger, show } from "../check.ts";
import { failure } from "../error.ts";
import { scratch } from "../backend/scratch.ts";
import { AF_INET } from "./socket_constants.ts";

/** The size of `struct sockaddr_in`. */
export const SOCKADDR_SIZE = 16;

/** An address of the family `AF_INET`. */
export interface SocketAddress {
  /** The IPv4 address as four numbers with dots, such as `127.0.0.1`. */
  readonly address: string;
  /** The port, from 0 to 65535. */
  readonly port: number;
}

/** Makes the bytes of a `struct sockaddr_in`. */
export function socketAddress(name: SocketAddress): Uint8Array {
  const text: unknown = name?.address;
  const { port } = name ?? {};
  const parts = typeof text === "string" && /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
    ? text.split(".").map(Number)
    : [256];
  if (parts.some((part) => part > 255)) {
    throw new TypeError(
      `Cannot use ${show(text)} as an address: it must be four numbers with dots, like 127.0.0.1`,
    );
  }
  checkInteger(port, "port", 0, 0xffff);
  return Uint8Array.of(AF_INET, 0, port >> 8, port & 0xff, ...parts, 0, 0, 0, 0, 0, 0, 0, 0);
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
