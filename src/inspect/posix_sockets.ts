/** What sockets are: those of this process by their own calls, those of others from the kernel's lists. */
import { osName } from "../../ffi/host.ts";
import { SOCK_DGRAM, SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { identityAt, isSameFile } from "../../ffi/posix/identity.ts";
import { inetSocketsOf, unixSocketsOf } from "../../ffi/posix/proc_net.ts";
import {
  inetSockets,
  type InetTable,
  IPPROTO_MPTCP,
  IPPROTO_RAW,
  IPPROTO_TCP,
  IPPROTO_UDP,
  type ListedSocket,
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
  if (!add(unixSockets([...missing])) || !isHere) {
    add(tryOrUndefined(() => unixSocketsOf(pid, missing)));
  }
  for (const table of TABLES) {
    if (missing.size === 0) break;
    const { file } = table;
    if ((add(inetSockets(table, missing)) && isHere) || file === undefined) continue;
    add(tryOrUndefined(() => inetSocketsOf(pid, file, table, missing)));
  }
  return found;
}

function isInOwnNamespace(pid: number): boolean {
  const [own, other] = ["thread-self", pid].map((id) => identityAt(`/proc/${id}/ns/net`));
  return isSameFile(own, other);
}
