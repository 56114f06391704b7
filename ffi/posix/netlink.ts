/**
 * Requests to the kernel's list of sockets, by netlink(7).
 *
 * Nothing here throws: where the kernel does not have the list, where a container forbids it, or where no
 * descriptor is free, there is no answer.
 */
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/mod.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { osName } from "../host.ts";
import { libc, libcConnections } from "./libc.ts";
import { libraries, netlinkSymbols } from "./symbols/linux.ts";

/** sys/socket.h and linux/netlink.h. */
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_MULTI = 0x2;
/** Asks for all entries, and not for one. */
export const NLM_F_DUMP = 0x300;
/** linux/sock_diag.h. */
const SOCK_DIAG_BY_FAMILY = 20;
/** The kernel writes its answer before `send` returns, so nothing is waited for. */
const MSG_DONTWAIT = 0x40;
/** `recv` returns the whole length of a message, also when it was cut off. */
const MSG_TRUNC = 0x20;
/** errno.h, negative as the kernel sends it: there is no such socket. */
const NOT_FOUND = -2;

/** Offsets in `struct nlmsghdr`, whose size is also that of the part before the payload. */
export const HEADER = 16;
const TYPE = 4;
const FLAGS = 6;
const SEQUENCE = 8;

let loaded: Calls<typeof netlinkSymbols> | undefined;

/** Calls a function with a socket of netlink, which is closed after it. */
export function withNetlink<Result>(use: (fd: number) => Result): Result | undefined {
  if (osName() !== "linux") return undefined;
  loaded ??= loadLibrary(libraries, netlinkSymbols);
  const fd = libcConnections().socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd === -1) return undefined;
  try {
    return use(fd);
  } finally {
    libc().close(fd);
  }
}

/**
 * Sends the request that the scratch memory holds, and visits each message of the answer there.
 *
 * @param size the size of the request
 * @param visit receives the offsets of a payload and of its end
 * @returns whether the answer is complete: also when there is no such socket
 */
export function ask(fd: number, size: number, visit: (at: number, end: number) => void): boolean {
  const { send, recv } = loaded!;
  const { address, data } = scratch();
  const sequence = data.getUint32(SEQUENCE, true);
  if (send(fd, address, size, MSG_DONTWAIT) !== size) return false;
  for (;;) {
    const length = recv(fd, address, SCRATCH_SIZE, MSG_DONTWAIT | MSG_TRUNC);
    if (length < HEADER || length > SCRATCH_SIZE) return false;
    let isLast = true;
    for (let at = 0; at + HEADER <= length;) {
      const end = at + data.getUint32(at, true);
      if (end < at + HEADER || end > length) return false;
      const type = data.getUint16(at + TYPE, true);
      isLast = (data.getUint16(at + FLAGS, true) & NLM_F_MULTI) === 0;
      if (data.getUint32(at + SEQUENCE, true) !== sequence) return false;
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        const error = end - at < HEADER + 4 ? 0 : data.getInt32(at + HEADER, true);
        return error === 0 || (type === NLMSG_ERROR && error === NOT_FOUND);
      }
      if (type === SOCK_DIAG_BY_FAMILY) visit(at + HEADER, end);
      at = aligned(end);
    }
    if (isLast) return true;
  }
}

/** Where the next message or attribute begins. */
export const aligned = (at: number): number => (at + 3) & ~3;

let lastSequence = 0;

/** Writes the header of a request of this size, whose other bytes are 0, and returns the size. */
export function writeHeader(size: number, flags: number): number {
  const { bytes, data } = scratch();
  bytes.fill(0, 0, size);
  data.setUint32(0, size, true);
  data.setUint16(TYPE, SOCK_DIAG_BY_FAMILY, true);
  data.setUint16(FLAGS, NLM_F_REQUEST | flags, true);
  data.setUint32(SEQUENCE, lastSequence = (lastSequence + 1) >>> 0, true);
  return size;
}
