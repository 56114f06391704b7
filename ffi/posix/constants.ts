/** The constants of fcntl.h and other headers, with the values of the running system. */
import { arch, osName } from "../host.ts";
import { constants as darwin } from "./symbols/darwin.ts";
import { constants as linux, directFlags } from "./symbols/linux.ts";

const values: { readonly [Name in keyof typeof linux]: number } =
  /* @__PURE__ */ osName() === "darwin" ? darwin : linux;

/** `fcntl` command: duplicate to the lowest free descriptor at or above the argument. */
export const F_DUPFD = 0;
/** `fcntl` command: read the descriptor flags. */
export const F_GETFD = 1;
/** `fcntl` command: set the descriptor flags. */
export const F_SETFD = 2;
/** `fcntl` command: read the status flags and the access mode. */
export const F_GETFL = 3;
/** `fcntl` command: set the status flags. */
export const F_SETFL = 4;
/** `fcntl` command: as `F_DUPFD`, and the new descriptor is closed on `exec`. */
export const F_DUPFD_CLOEXEC: number = values.F_DUPFD_CLOEXEC;
/** Descriptor flag: closed on `exec`, so no child inherits it. */
export const FD_CLOEXEC = 1;

/** Access mode: reading only. */
export const O_RDONLY = 0;
/** Access mode: writing only. */
export const O_WRONLY = 1;
/** Access mode: reading and writing. */
export const O_RDWR = 2;
/** The bits of the status flags that hold the access mode. */
export const O_ACCMODE = 3;
/** `open`: create the file when it does not exist. */
export const O_CREAT: number = values.O_CREAT;
/** `open`, with `O_CREAT`: fail when the file exists. */
export const O_EXCL: number = values.O_EXCL;
/** `open`: truncate the file to length 0. */
export const O_TRUNC: number = values.O_TRUNC;
/** Every write goes to the end of the file. */
export const O_APPEND: number = values.O_APPEND;
/** Calls return at once instead of waiting. */
export const O_NONBLOCK: number = values.O_NONBLOCK;
/** A write returns when its data, and the metadata needed to read it back, are on the device. */
export const O_DSYNC: number = values.O_DSYNC;
/** As `O_DSYNC`, with all metadata of the file. On Linux it includes the bit of `O_DSYNC`. */
export const O_SYNC: number = values.O_SYNC;
/** Linux: input and output bypass the page cache; on a pipe, each write is a packet. 0 elsewhere. */
export const O_DIRECT: number = /* @__PURE__ */ direct();
/** Linux: reads do not update the access time; only the owner of the file may set it. 0 elsewhere. */
export const O_NOATIME: number = values.O_NOATIME;
/** The new descriptor is closed on `exec`. */
export const O_CLOEXEC: number = values.O_CLOEXEC;
/** A terminal that is opened does not become the controlling terminal. */
export const O_NOCTTY: number = values.O_NOCTTY;
/** Linux: the descriptor identifies a file without giving access to its data. 0 elsewhere. */
export const O_PATH: number = values.O_PATH;

/** `lseek`: from the start of the file. */
export const SEEK_SET = 0;
/** `lseek`: from the current position. */
export const SEEK_CUR = 1;
/** `lseek`: from the end of the file. */
export const SEEK_END = 2;

/** `getrlimit`: one more than the highest descriptor number that the process may use. */
export const RLIMIT_NOFILE: number = values.RLIMIT_NOFILE;

/** `socket`, `socketpair`: Unix sockets, for communication on this machine. */
export const AF_UNIX = 1;
/** `socket`: IPv4. */
export const AF_INET = 2;
/** `socket`: IPv6. */
export const AF_INET6: number = values.AF_INET6;
/** `socket`, `socketpair`: a stream of bytes. */
export const SOCK_STREAM = 1;
/** `socket`, `socketpair`: datagrams. */
export const SOCK_DGRAM = 2;
/** `socket`, `socketpair`: a sequence of messages. */
export const SOCK_SEQPACKET = 5;
/** `socket`, `socketpair`, `accept4`: no child inherits the descriptors. Linux; 0 elsewhere. */
export const SOCK_CLOEXEC: number = values.SOCK_CLOEXEC;
/** `socket`, `socketpair`, `accept4`: calls return at once instead of waiting. Linux; 0 elsewhere. */
export const SOCK_NONBLOCK: number = values.SOCK_NONBLOCK;
/** `listen`: the most connections that the system lets wait, unless it was configured for more. */
export const SOMAXCONN: number = values.SOMAXCONN;

/** `socket`: TCP; `getsockopt`, `setsockopt`: its options. */
export const IPPROTO_TCP = 6;
/** `socket`: UDP. */
export const IPPROTO_UDP = 17;
/** `getsockopt`, `setsockopt`: the options of IPv6. */
export const IPPROTO_IPV6 = 41;
/** `getsockopt`, `setsockopt`: the options of every socket. */
export const SOL_SOCKET: number = values.SOL_SOCKET;

/** Option: an address may be bound although connections of an earlier listener are not over yet. */
export const SO_REUSEADDR: number = values.SO_REUSEADDR;
/** Option, to be read: the type of the socket, such as `SOCK_STREAM`. */
export const SO_TYPE: number = values.SO_TYPE;
/** Option, to be read: the error that is pending, which is then none; after `EINPROGRESS` that of `connect`. */
export const SO_ERROR: number = values.SO_ERROR;
/** Option: datagrams may be sent to everyone in a network. */
export const SO_BROADCAST: number = values.SO_BROADCAST;
/** Option: the size of the buffer for what is sent, in bytes. Linux doubles it. */
export const SO_SNDBUF: number = values.SO_SNDBUF;
/** Option: the size of the buffer for what is received, in bytes. Linux doubles it. */
export const SO_RCVBUF: number = values.SO_RCVBUF;
/** Option: an idle connection is tested whether its peer is there still. */
export const SO_KEEPALIVE: number = values.SO_KEEPALIVE;
/** Option: what `close` does with bytes that are not sent; a `struct linger` of two `int`s. */
export const SO_LINGER: number = values.SO_LINGER;
/** Option: several sockets of this user may be bound to one address, and share what arrives. */
export const SO_REUSEPORT: number = values.SO_REUSEPORT;
/** Option, to be read: whether the socket listens. */
export const SO_ACCEPTCONN: number = values.SO_ACCEPTCONN;
/** Option: each message is received with the credentials of its sender. Linux. */
export const SO_PASSCRED = 16;
/** Option, to be read: who has connected or listens; a `struct ucred` of pid, uid and gid. Linux. */
export const SO_PEERCRED = 17;
/** `sendmsg`, `recvmsg`: out-of-band data. */
export const MSG_OOB = 1;
/** `recvmsg`: the message stays in the socket. Descriptors that come with it are new ones each time. */
export const MSG_PEEK = 2;
/** `recvmsg`, in the result: control data was lost, such as descriptors that this process had no number for. */
export const MSG_CTRUNC = 8;
/** `recvmsg`, in the result: a part of the message was lost. As a flag: `length` is that of the whole. Linux. */
export const MSG_TRUNC = 0x20;
/** `sendmsg`, `recvmsg`: the call does not wait. Linux. */
export const MSG_DONTWAIT = 0x40;
/** `recvmsg`: wait until the buffers are full. Linux. */
export const MSG_WAITALL = 0x100;
/** `sendmsg`: `EPIPE` without the signal `SIGPIPE`. Linux. */
export const MSG_NOSIGNAL = 0x4000;
/** `recvmsg`: no child inherits the descriptors that come. Linux. */
export const MSG_CMSG_CLOEXEC = 0x4000_0000;
/** Control data, of the level `SOL_SOCKET`: descriptors. */
export const SCM_RIGHTS = 1;
/** Control data, of the level `SOL_SOCKET`: who sends; a `struct ucred` of pid, uid and gid. Linux. */
export const SCM_CREDENTIALS = 2;

/** Option of TCP: small writes are sent at once. */
export const TCP_NODELAY = 1;
/** Option of IPv6: the socket is for IPv6 only, and not for IPv4 as well. */
export const IPV6_V6ONLY: number = values.IPV6_V6ONLY;

/** `poll`: data can be read, or the end was reached. */
export const POLLIN = 1;
/** `poll`: data can be written. */
export const POLLOUT = 4;
/** `poll`, result only: an error occurred. */
export const POLLERR = 8;
/** `poll`, result only: the other end is closed. */
export const POLLHUP = 16;
/** `poll`, result only: the descriptor is not open. */
export const POLLNVAL = 32;

/** `kcmp`: compare two open files. Linux. */
export const KCMP_FILE = 0;
/** `prctl`: set which process may trace this one under Yama. Linux. */
export const PR_SET_PTRACER = 0x5961_6d61;
/** `PR_SET_PTRACER`: any process. Linux. */
export const PR_SET_PTRACER_ANY: number = -1;

function direct(): number {
  if (osName() === "darwin") return 0;
  return arch() === "arm64" ? directFlags.arm64 : directFlags.others;
}
