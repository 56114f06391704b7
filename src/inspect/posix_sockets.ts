/** What sockets are: those of this process by their own calls, those of others from the kernel's lists. */
import { osName, pid as ownPid } from "../../ffi/host.ts";
import { SOCK_DGRAM, SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { processes } from "../../ffi/posix/holders.ts";
import { type Identity, identityAt, isSameFile } from "../../ffi/posix/identity.ts";
import { inetSocketsOf, unixSocketsOf } from "../../ffi/posix/proc_net.ts";
import {
  inetSockets,
  type InetTable,
  IPPROTO_MPTCP,
  IPPROTO_RAW,
  IPPROTO_TCP,
  IPPROTO_UDP,
  type ListedSocket,
  socketsBoundTo,
  unixSockets,
} from "../../ffi/posix/sock_diag.ts";
import { isListening, localName, peerName, socketType } from "../../ffi/posix/socket_name.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { socketInfo } from "./socket_info.ts";
import type { HandleInfo, SocketInfo } from "./types.ts";

/** sys/socket.h. */
const SOCK_RAW = 3;

/** The kernel's lists of sockets of the Internet, with their names in /proc/PID/net, which not all have. */
const TABLES: readonly (InetTable & { readonly file?: string })[] = [
  { family: "IPv4", protocol: IPPROTO_TCP, type: SOCK_STREAM, file: "tcp" },
  { family: "IPv6", protocol: IPPROTO_TCP, type: SOCK_STREAM, file: "tcp6" },
  { family: "IPv4", protocol: IPPROTO_UDP, type: SOCK_DGRAM, file: "udp" },
  { family: "IPv6", protocol: IPPROTO_UDP, type: SOCK_DGRAM, file: "udp6" },
  { family: "IPv4", protocol: IPPROTO_MPTCP, type: SOCK_STREAM },
  { family: "IPv6", protocol: IPPROTO_MPTCP, type: SOCK_STREAM },
  { family: "IPv4", protocol: IPPROTO_RAW, type: SOCK_RAW, file: "raw" },
  { family: "IPv6", protocol: IPPROTO_RAW, type: SOCK_RAW, file: "raw6" },
];

/** Describes a socket of this process, all but its peer's inode; `undefined` when it is none. */
export function ownSocket(fd: number): SocketInfo | undefined {
  const type = socketType(fd);
  const local = localName(fd);
  // It is no socket, as a path of one that was opened with O_PATH, or it was closed by now.
  if (type === undefined || local === undefined) return undefined;
  return socketInfo({ type, isListening: isListening(fd), local, remote: peerName(fd) });
}

/**
 * Adds the inodes of their peers to Unix sockets of this process. Where the kernel does not say, they stay
 * as they are.
 */
export function addPeers(handles: readonly HandleInfo[]): void {
  const connected = handles.filter(({ inode, socket }) =>
    inode !== undefined && socket?.family === "unix" && !socket.listening
  );
  if (connected.length === 0 || osName() !== "linux") return;
  const found = unixSockets(connected.map(({ inode }) => inode!));
  // In place: the descriptions are new, and nobody else has them yet.
  for (const { inode, socket } of connected as { inode: number; socket: Peer }[]) {
    const peerInode = found?.get(inode)?.peerInode;
    if (peerInode !== undefined) socket.peerInode = peerInode;
  }
}

type Peer = { peerInode?: number };

/** Adds what the kernel's lists say of the sockets of another process. */
export function addSockets(pid: number, handles: readonly HandleInfo[]): void {
  // The name tells a socket from the path of one that was opened with O_PATH.
  const sockets = handles.filter(({ name, inode }) => name === `socket:[${inode}]`);
  if (sockets.length === 0) return;
  const found = listedSockets(pid, new Set(sockets.map(({ inode }) => inode!)));
  for (const info of sockets as { inode: number; socket?: SocketInfo }[]) {
    const listed = found.get(info.inode);
    if (listed !== undefined) info.socket = socketInfo(listed);
  }
}

/**
 * The sockets with these inodes. The kernel's own lists are those of this network namespace; where the
 * process is in another one, or where there is no such list, it is read from /proc.
 */
function listedSockets(pid: number, inodes: ReadonlySet<number>): Map<number, ListedSocket> {
  const found = new Map<number, ListedSocket>();
  const missing = new Set(inodes);
  const isHere = isInOwnNamespace(pid);
  const add = (more: ReadonlyMap<number, ListedSocket> | undefined) => {
    for (const [inode, socket] of more ?? []) {
      found.set(inode, socket);
      missing.delete(inode);
    }
    return more !== undefined;
  };
  const isMissing = (inode: number) => missing.has(inode);
  if (!add(unixSockets([...missing])) || !isHere) {
    add(tryOrUndefined(() => unixSocketsOf(pid, isMissing)));
  }
  for (const table of TABLES) {
    if (missing.size === 0) break;
    const { file } = table;
    if ((add(inetSockets(table, isMissing)) && isHere) || file === undefined) continue;
    add(tryOrUndefined(() => inetSocketsOf(pid, file, table, isMissing)));
  }
  return found;
}

/**
 * The inodes of the sockets of TCP and UDP whose own port is this one, in this network namespace: those that
 * listen, and those of connections. What belongs to no process has no inode.
 *
 * @throws {HandleError} when neither the kernel nor /proc/net lists the sockets
 */
export function socketsAtPort(port: number): Set<number> {
  const isWanted = (inode: number, localPort: number) => localPort === port && inode !== 0;
  const found = new Set<number>();
  for (const table of TABLES) {
    if (table.type === SOCK_RAW) continue; // its port is a protocol
    const { file } = table;
    const listed = inetSockets(table, isWanted) ??
      (file === undefined ? undefined : inetSocketsOf(ownPid(), file, table, isWanted));
    for (const inode of listed?.keys() ?? []) found.add(inode);
  }
  return found;
}

/**
 * The inodes of the Unix sockets that are bound to the file at a path, and of the connections that they have
 * accepted; `undefined` where the kernel does not list them. Of another network namespace, as that of a
 * container, only the names are known, so a name that is not absolute leads nowhere there.
 */
export function socketsAtPath(path: string, file: Identity): Set<number> | undefined {
  const found = socketsBoundTo(path, file);
  if (found === undefined) return undefined;
  const own = namespaceOf("thread-self", "net");
  const seen = new Set<string>();
  for (const pid of processes()) {
    const [net, mount] = [namespaceOf(pid, "net"), namespaceOf(pid, "mnt")];
    const key = `${net?.inode} ${mount?.inode}`;
    if (net === undefined || isSameFile(net, own) || seen.has(key)) continue;
    seen.add(key);
    const isHere = (_: number, name: string) =>
      name.startsWith("/") && isSameFile(file, identityAt(`/proc/${pid}/root${name}`));
    for (const inode of tryOrUndefined(() => unixSocketsOf(pid, isHere))?.keys() ?? []) {
      found.add(inode);
    }
  }
  return found;
}

function isInOwnNamespace(pid: number): boolean {
  return isSameFile(namespaceOf("thread-self", "net"), namespaceOf(pid, "net"));
}

function namespaceOf(id: number | "thread-self", kind: "net" | "mnt"): Identity | undefined {
  return identityAt(`/proc/${id}/ns/${kind}`);
}
