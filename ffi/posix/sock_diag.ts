/**
 * The kernel's list of the sockets in this thread's network namespace, by netlink: sock_diag(7). It has the
 * sockets of all processes, by inode, and of a Unix socket the inode of its peer.
 *
 * Nothing here throws: where the kernel does not have the list, where a container forbids it, or where no
 * descriptor is free, the result is `undefined`.
 */
import { scratch } from "../backend/scratch.ts";
import { aligned, ask, HEADER, NLM_F_DUMP, withNetlink, writeHeader } from "./netlink.ts";
import { type Identity, makedev } from "./identity.ts";
import { ipv6Text, type SocketName, unixPath } from "./socket_name.ts";

/** Offsets in `struct unix_diag_req` and `struct unix_diag_msg`, from the start of the message. */
const UNIX_REQUEST_SIZE = HEADER + 24;
const STATES = HEADER + 4;
const REQUESTED_INODE = HEADER + 8;
const SHOW = HEADER + 12;
const COOKIE = HEADER + 16;
const UNIX_TYPE = 1;
const STATE_OF_UNIX = 2;
const UNIX_INODE = 4;
const UNIX_ATTRIBUTES = 16;
/** The attributes of a Unix socket, and the bits by which they are asked for. */
const UNIX_DIAG_NAME = 0;
const UNIX_DIAG_VFS = 1;
const UNIX_DIAG_PEER = 2;
const SHOW_NAME = 0x1;
const SHOW_VFS = 0x2;
const SHOW_PEER = 0x4;

/** Offsets in `struct inet_diag_req_v2` and `struct inet_diag_msg`. */
const INET_REQUEST_SIZE = HEADER + 56;
const INET_DIAG_REQ_PROTOCOL = 3;
const STATE_OF_INET = 1;
const LOCAL_PORT = 4;
const REMOTE_PORT = 6;
const LOCAL_ADDRESS = 8;
const REMOTE_ADDRESS = 24;
const INTERFACE = 40;
const INET_INODE = 68;
const INET_MESSAGE_SIZE = 72;

/** net/tcp_states.h, also for other kinds of sockets. */
const TCP_SYN_SENT = 2;
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;
/** All states but those of sockets that belong to no process: TIME_WAIT, and connections being made. */
const OWNED_STATES = 0xffff & ~(1 << 3 | 1 << 6 | 1 << 12);

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** A socket in one of the kernel's lists. */
export interface ListedSocket {
  /** `SOCK_STREAM`, `SOCK_DGRAM`, … */
  readonly type: number;
  readonly isListening: boolean;
  readonly local: SocketName;
  /** The address of its peer; `undefined` when it is not connected. */
  readonly remote: SocketName | undefined;
  /** Of a Unix socket: the inode of its peer. */
  readonly peerInode?: number | undefined;
}

/** One of the kernel's lists of sockets of the Internet. */
export interface InetTable {
  readonly family: "IPv4" | "IPv6";
  readonly protocol: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_RAW` */
  readonly type: number;
}

/** The protocols, of which one is too large for a byte: linux/in.h. */
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_RAW = 255;
export const IPPROTO_MPTCP = 262;

/** For more Unix sockets than that, all of the system are listed, instead of one after the other. */
const MOST_SINGLE = 16;

/**
 * The Unix sockets with these inodes, as far as the kernel has them in this network namespace; `undefined`
 * where it does not say.
 */
export function unixSockets(inodes: readonly number[]): Map<number, ListedSocket> | undefined {
  return withNetlink((fd) => {
    const found = new Map<number, FoundSocket>();
    const add = (at: number, end: number) => addUnixSocket(at, end, found);
    if (inodes.length > MOST_SINGLE) {
      if (!ask(fd, writeUnixRequest(undefined), add)) return undefined;
    } else {
      for (const inode of inodes) {
        if (!ask(fd, writeUnixRequest(inode), add)) return undefined;
        const { peerInode } = found.get(inode) ?? {};
        if (peerInode === undefined || found.has(peerInode)) continue;
        if (!ask(fd, writeUnixRequest(peerInode), add)) return undefined;
      }
    }
    return withRemotes(inodes, found);
  });
}

/** Which sockets of a list are wanted. */
export type IsWanted = (inode: number, localPort: number) => boolean;

/** The wanted sockets of a table, by inode; `undefined` where the kernel does not list this table. */
export function inetSockets(
  table: InetTable,
  isWanted: IsWanted,
): Map<number, ListedSocket> | undefined {
  return withNetlink((fd) => {
    const found = new Map<number, ListedSocket>();
    const isAnswered = ask(fd, writeInetRequest(table), (at, end) => {
      if (end - at < INET_MESSAGE_SIZE) return;
      const { data } = scratch();
      const inode = data.getUint32(at + INET_INODE, true);
      const port = data.getUint16(at + LOCAL_PORT);
      if (isWanted(inode, port)) found.set(inode, readInetSocket(at, table));
    });
    return isAnswered ? found : undefined;
  });
}

/** A socket of the Internet by its state and addresses, which has a peer only in some states. */
export function inetSocket(
  type: number,
  state: number,
  local: SocketName,
  remote: SocketName & { readonly port: number },
): ListedSocket {
  const isConnected = state !== TCP_CLOSE && state !== TCP_SYN_SENT && remote.port !== 0;
  const isListening = state === TCP_LISTEN;
  return { type, isListening, local, remote: isConnected && !isListening ? remote : undefined };
}

/**
 * Whether a socket of a process is bound to the file at a path, also one that does not listen. `false`
 * where the kernel does not say, and for sockets of other network namespaces.
 */
export function isBoundSocket(path: string, identity: Identity): boolean {
  return (socketsBoundTo(path, identity)?.size ?? 0) > 0;
}

/**
 * The inodes of the Unix sockets that are bound to the file at a path, and of the connections that they have
 * accepted, in this network namespace; `undefined` where the kernel does not say.
 *
 * The kernel has the device of the file system, and btrfs tells programs another one. So of two sockets with one inode,
 * one with the name of the file counts as well, whatever its device is.
 */
export function socketsBoundTo(
  path: string,
  { device, inodeLow }: Identity,
): Set<number> | undefined {
  const found = new Set<number>();
  const isAnswered = withNetlink((fd) =>
    ask(fd, writeUnixRequest(undefined, SHOW_NAME | SHOW_VFS), (at, end) => {
      const { data } = scratch();
      let name: string | undefined;
      let file: readonly [inode: number, device: number] | undefined;
      visitAttributes(at + UNIX_ATTRIBUTES, end, (kind, start, length) => {
        if (kind === UNIX_DIAG_NAME) name = unixPath(start, length);
        if (kind === UNIX_DIAG_VFS && length >= 8) {
          file = [data.getUint32(start, true), data.getUint32(start + 4, true)];
        }
      });
      // The kernel has 32 bits of the inode here.
      if (file?.[0] !== inodeLow) return;
      // linux/kdev_t.h: 12 bits and 20 bits.
      const isIt = makedev(file[1] >>> 20, file[1] & 0xf_ffff) === device ||
        (name !== undefined && lastName(name) === lastName(path));
      if (isIt) found.add(data.getUint32(at + UNIX_INODE, true));
    })
  );
  return isAnswered === true ? found : undefined;
}

const lastName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

type FoundSocket = Omit<ListedSocket, "remote">;

/** The address of a peer is the name that the peer has. */
function withRemotes(
  inodes: readonly number[],
  found: ReadonlyMap<number, FoundSocket>,
): Map<number, ListedSocket> {
  const sockets = new Map<number, ListedSocket>();
  for (const inode of inodes) {
    const socket = found.get(inode);
    if (socket === undefined) continue;
    sockets.set(inode, { ...socket, remote: found.get(socket.peerInode ?? -1)?.local });
  }
  return sockets;
}

/** Writes the request for the Unix socket with this inode, or for all. */
function writeUnixRequest(inode: number | undefined, show: number = SHOW_NAME | SHOW_PEER): number {
  const size = writeHeader(UNIX_REQUEST_SIZE, inode === undefined ? NLM_F_DUMP : 0);
  const { bytes, data } = scratch();
  bytes[HEADER] = AF_UNIX;
  data.setUint32(STATES, 0xffff_ffff, true);
  data.setUint32(REQUESTED_INODE, inode ?? 0, true);
  data.setUint32(SHOW, show, true);
  bytes.fill(0xff, COOKIE, COOKIE + 8); // any socket with this inode
  return size;
}

function writeInetRequest({ family, protocol }: InetTable): number {
  const isLarge = protocol > 0xff;
  const size = writeHeader(INET_REQUEST_SIZE + (isLarge ? 8 : 0), NLM_F_DUMP);
  const { bytes, data } = scratch();
  bytes[HEADER] = family === "IPv4" ? AF_INET : AF_INET6;
  bytes[HEADER + 1] = protocol;
  data.setUint32(STATES, OWNED_STATES, true);
  if (!isLarge) return size;
  data.setUint16(INET_REQUEST_SIZE, 8, true);
  data.setUint16(INET_REQUEST_SIZE + 2, INET_DIAG_REQ_PROTOCOL, true);
  data.setUint32(INET_REQUEST_SIZE + 4, protocol, true);
  return size;
}

/** Visits the attributes of a message: of each its kind, and where its value is. */
function visitAttributes(
  from: number,
  end: number,
  visit: (kind: number, start: number, length: number) => void,
): void {
  const { data } = scratch();
  for (let start = from; start + 4 <= end;) {
    const length = data.getUint16(start, true);
    if (length < 4 || start + length > end) break;
    visit(data.getUint16(start + 2, true), start + 4, length - 4);
    start = aligned(start + length);
  }
}

/** Reads a `struct unix_diag_msg` with its attributes. */
function addUnixSocket(at: number, end: number, found: Map<number, FoundSocket>): void {
  if (end - at < UNIX_ATTRIBUTES) return;
  const { bytes, data } = scratch();
  let path = "";
  let peerInode: number | undefined;
  visitAttributes(at + UNIX_ATTRIBUTES, end, (kind, start, length) => {
    if (kind === UNIX_DIAG_NAME) path = unixPath(start, length);
    // 0 is the inode of a peer that no process has: not accepted yet, or closed.
    if (kind === UNIX_DIAG_PEER && length >= 4) {
      peerInode = data.getUint32(start, true) || undefined;
    }
  });
  found.set(data.getUint32(at + UNIX_INODE, true), {
    type: bytes[at + UNIX_TYPE]!,
    isListening: bytes[at + STATE_OF_UNIX] === TCP_LISTEN,
    local: { family: "unix", path },
    peerInode,
  });
}

/** Reads a `struct inet_diag_msg`. */
function readInetSocket(at: number, { family, type }: InetTable): ListedSocket {
  const { bytes, data } = scratch();
  const device = data.getUint32(at + INTERFACE, true);
  const name = (address: number, port: number) => {
    const isLinkLocal = bytes[address] === 0xfe && (bytes[address + 1]! & 0xc0) === 0x80;
    return {
      family,
      address: family === "IPv4"
        ? bytes.subarray(address, address + 4).join(".")
        : ipv6Text(address, isLinkLocal ? device : 0),
      port: data.getUint16(port),
    };
  };
  return inetSocket(
    type,
    bytes[at + STATE_OF_INET]!,
    name(at + LOCAL_ADDRESS, at + LOCAL_PORT),
    name(at + REMOTE_ADDRESS, at + REMOTE_PORT),
  );
}
