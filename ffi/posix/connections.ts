/** The connections that a listening socket of this process has accepted, on Linux. */
import { SOCK_STREAM } from "./constants.ts";
import { identityOf, openDescriptors } from "./identity.ts";
import { isListening, localName, type SocketName, socketType } from "./socket_name.ts";

/** A connection of this process. */
export interface Connection {
  /** The lowest of its descriptors. */
  readonly fd: number;
  readonly inode: number;
}

/**
 * The connections of this process that clients have made to an address: those that it has accepted.
 *
 * @param name the address of the listening socket
 * @throws {HandleError} when /proc/self/fd can be opened but not read
 */
export function connectionsTo(name: SocketName): Connection[] {
  const found = new Map<number, Connection>();
  for (const fd of openDescriptors()) {
    if (!isTo(localName(fd), name) || socketType(fd) !== SOCK_STREAM || isListening(fd)) continue;
    const inode = identityOf(fd)?.inode;
    if (inode !== undefined && !found.has(inode)) found.set(inode, { fd, inode });
  }
  return [...found.values()];
}

/** Whether a connection has the address of a listening socket, which may be that of every interface. */
function isTo(local: SocketName | undefined, name: SocketName): boolean {
  if (local === undefined || local.family === "other" || local.family !== name.family) return false;
  if (local.family === "unix" || name.family === "unix") {
    return "path" in local && "path" in name && local.path === name.path;
  }
  const isAny = name.address === "0.0.0.0" || name.address === "::";
  return local.port === name.port && (isAny || local.address === name.address);
}
