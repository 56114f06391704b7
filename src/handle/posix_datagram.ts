/** Puts a UDP socket in the place of one that Deno has bound. */
import type { Socket } from "node:dgram";
import { failure } from "../../ffi/error.ts";
import { SOCK_DGRAM } from "../../ffi/posix/constants.ts";
import { localName, type SocketName, socketType } from "../../ffi/posix/socket_name.ts";
import { newSocketSince, socketSnapshot, spliceOver } from "./posix_splice.ts";

/** Puts a socket in place of the one that `placeholder` has been bound with. */
export type Place = (placeholder: Socket, own: Extract<SocketName, { port: number }>) => void;

/**
 * Remembers which sockets are open, before Deno binds the placeholder.
 *
 * @param fd our socket, which stays open under this number, too
 * @param host the address that the placeholder is going to be bound to
 */
export function prepare(fd: number, host: string): Place {
  const before = socketSnapshot();
  return (placeholder, own) => {
    const bound = placeholder.address();
    const number = newSocketSince(before, (other) => {
      const name = localName(other);
      // A TCP socket of this port is another one.
      return name !== undefined && "port" in name && name.port === bound.port &&
        name.address === host && socketType(other) === SOCK_DGRAM;
    });
    if (number === undefined) {
      throw failure("ENOTSUP", "toDatagram", {
        message:
          `Cannot call toDatagram() of fd ${fd}: the socket that Deno has bound in its place cannot ` +
          "be told from others; call it again",
        handle: fd,
      });
    }
    spliceOver(fd, number);
    // Deno remembers the address of the other one.
    const address = placeholder.address.bind(placeholder);
    placeholder.address = () => ({ ...address(), address: own.address, port: own.port });
  };
}
