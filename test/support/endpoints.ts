/** Both ends of whatever data goes through, made by the system's own calls, on Linux. */
import type { Calls } from "../../ffi/backend/types.ts";
import { loadLibrary } from "../../ffi/backend/mod.ts";
import { scratch } from "../../ffi/backend/scratch.ts";
import { listenLocally } from "../../ffi/posix/bind.ts";
import { localName } from "../../ffi/posix/socket_name.ts";
import { libraries } from "../../ffi/posix/symbols/linux.ts";
import { OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import { made, otherEnd } from "./linux_objects.ts";
import { pipeRaw } from "./system.ts";

const table = {
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "address", "u32"], result: "i32" },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  connect: { parameters: ["i32", "address", "u32"], result: "i32" },
  // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);
  accept4: { parameters: ["i32", "address", "address", "i32"], result: "i32" },
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getsockname: { parameters: ["i32", "address", "address"], result: "i32" },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: { parameters: ["i32", "i32", "i32", "address", "u32"], result: "i32" },
  // int shutdown(int sockfd, int how);
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  // int ioctl(int fd, unsigned long request, ...);
  ioctl: { parameters: ["i32", "address", "address"], result: "i32" },
} as const;

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const CLOEXEC = 0o2000000;
const [SOL_SOCKET, SO_LINGER] = [1, 13];
const [TCGETS, TCSETS] = [0x5401, 0x5402];
const ADDRESS_SIZE = 128;

let loaded: Calls<typeof table> | undefined;

function calls(): Calls<typeof table> {
  return loaded ??= loadLibrary(libraries, table);
}

/** Connections of each kind. */
export const connectionKinds = ["TCP4", "TCP6", "Unix", "abstract"] as const;
export type ConnectionKind = typeof connectionKinds[number];

/** Two ends, connected to each other. */
export type Ends = [near: OwnedHandle, far: OwnedHandle];

const owners = (...fds: readonly number[]): Ends =>
  fds.map((fd) => OwnedHandle.fromRaw(fd)) as Ends;

/** A connection: the accepted end and the one that connected. */
export function connection(kind: ConnectionKind): Ends {
  if (kind === "Unix") {
    return owners(...posix.socketpair(posix.AF_UNIX, posix.SOCK_STREAM | posix.SOCK_CLOEXEC, 0));
  }
  const family = kind === "TCP4" ? "IPv4" : kind === "TCP6" ? "IPv6" : "unix";
  const listener = listenLocally(family, `\0duphandle-test-${crypto.randomUUID()}`);
  try {
    const { address, data } = scratch();
    const far = streamSocket(kind);
    data.setUint32(ADDRESS_SIZE, ADDRESS_SIZE, true);
    made(calls().getsockname(listener, address, address + ADDRESS_SIZE), "getsockname");
    made(calls().connect(far, address, data.getUint32(ADDRESS_SIZE, true)), "connect");
    return owners(made(calls().accept4(listener, 0, 0, CLOEXEC), "accept4"), far);
  } finally {
    posix.close(listener);
  }
}

/** A stream socket that is neither connected nor listening. */
export function unconnected(kind: ConnectionKind): OwnedHandle {
  return OwnedHandle.fromRaw(streamSocket(kind));
}

function streamSocket(kind: ConnectionKind): number {
  const domain = kind === "TCP4" ? AF_INET : kind === "TCP6" ? AF_INET6 : posix.AF_UNIX;
  return made(calls().socket(domain, posix.SOCK_STREAM | CLOEXEC, 0), "socket");
}

/** A socket to the kernel (netlink): of datagrams, and of no address that a runtime knows. */
export function netlink(): OwnedHandle {
  return OwnedHandle.fromRaw(
    made(calls().socket(AF_NETLINK, posix.SOCK_DGRAM | CLOEXEC, 0), "socket"),
  );
}

/** A UDP socket of this machine, and its port. */
export function udp(family: "UDP4" | "UDP6", peer?: number): { handle: OwnedHandle; port: number } {
  const domain = family === "UDP4" ? AF_INET : AF_INET6;
  const fd = made(calls().socket(domain, posix.SOCK_DGRAM | CLOEXEC, 0), "socket");
  const { address } = scratch();
  made(calls().bind(fd, address, writeLoopback(domain, 0)), "bind");
  if (peer !== undefined) {
    made(calls().connect(fd, address, writeLoopback(domain, peer)), "connect");
  }
  return { handle: OwnedHandle.fromRaw(fd), port: (localName(fd) as { port: number }).port };
}

/** The address of this machine at the start of the scratch memory, and its length. */
function writeLoopback(domain: number, port: number): number {
  const { bytes, data } = scratch();
  bytes.fill(0, 0, 28);
  data.setUint16(0, domain, true);
  data.setUint16(2, port);
  if (domain === AF_INET) return bytes.set([127, 0, 0, 1], 4), 16;
  return bytes[23] = 1, 28;
}

/** A terminal that changes no byte: its master, and the end that programs have. */
export function terminal(): Ends {
  const flags = posix.O_RDWR | posix.O_NOCTTY | posix.O_CLOEXEC;
  const master = posix.open("/dev/ptmx", flags);
  const other = posix.open(otherEnd(master), flags);
  const { address, data } = scratch();
  made(calls().ioctl(other, TCGETS, address), "TCGETS");
  for (const flagsOf of [/* input */ 0, /* output */ 4, /* local */ 12]) {
    data.setUint32(flagsOf, 0, true);
  }
  data.setUint8(17 + /* VMIN */ 6, 1);
  made(calls().ioctl(other, TCSETS, address), "TCSETS");
  return owners(master, other);
}

/** A pipe: first the end of the given direction, then the other one. */
export function pipe(direction: "reading" | "writing"): Ends {
  const { reader, writer } = pipeRaw();
  return direction === "reading" ? [reader, writer] : [writer, reader];
}

/** Makes the close of a TCP connection reset it. */
export function resetAtClose({ raw }: OwnedHandle): void {
  const { address, int32 } = scratch();
  int32.set([1, 0]);
  made(calls().setsockopt(raw, SOL_SOCKET, SO_LINGER, address, 8), "setsockopt");
}

/** Ends the sending direction of a connection. */
export function endSending(handle: OwnedHandle): void {
  made(calls().shutdown(handle.raw, 1), "shutdown");
}

/** Bytes that differ from place to place. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = at * 7 % 251;
  return bytes;
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads so many bytes without waiting in the system; fewer at the end of the file. */
export async function readAll(handle: OwnedHandle, length: number): Promise<Uint8Array> {
  setNonBlocking(handle);
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = await retried(() => posix.read(handle.raw, bytes.subarray(done)));
    if (count === 0) return bytes.slice(0, done);
    done += count;
  }
  return bytes;
}

/** Writes all bytes without waiting in the system. */
export async function writeAll(handle: OwnedHandle, bytes: Uint8Array): Promise<void> {
  setNonBlocking(handle);
  for (let done = 0; done < bytes.length;) {
    done += await retried(() => posix.write(handle.raw, bytes.subarray(done)));
  }
}

function setNonBlocking({ raw }: OwnedHandle): void {
  posix.fcntl_setfl(raw, posix.fcntl_getfl(raw) | posix.O_NONBLOCK);
}

async function retried(call: () => number): Promise<number> {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EAGAIN") throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
