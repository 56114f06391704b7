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

/** `socketpair`: Unix sockets, for communication on this machine. */
export const AF_UNIX = 1;
/** `socketpair`: a stream of bytes. */
export const SOCK_STREAM = 1;
/** `socketpair`: datagrams. */
export const SOCK_DGRAM = 2;
/** `socketpair`: a sequence of messages. */
export const SOCK_SEQPACKET = 5;
/** `socketpair`: no child inherits the descriptors. Linux; 0 elsewhere. */
export const SOCK_CLOEXEC: number = values.SOCK_CLOEXEC;
/** `socketpair`: calls return at once instead of waiting. Linux; 0 elsewhere. */
export const SOCK_NONBLOCK: number = values.SOCK_NONBLOCK;

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
