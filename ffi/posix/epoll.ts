/** What the event loops of this process watch, on Linux: epoll(7), proc_pid_fdinfo(5). */
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import { arch } from "../host.ts";
import { posixError } from "./errors.ts";
import { identityOf, openDescriptors, S_IFMT } from "./identity.ts";
import { kernel, libc } from "./libc.ts";
import { linkText, wholeText } from "./proc.ts";
import { epollSymbols, libraries } from "./symbols/linux.ts";

/** sys/epoll.h and errno.h. */
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const ENOENT = 2;
const EBADF = 9;
const EEXIST = 17;

/** How an epoll instance watches a descriptor. */
export interface Watch {
  /** A descriptor of the epoll instance. */
  readonly epoll: number;
  /** The events and flags: `EPOLLIN`, `EPOLLET`, … */
  readonly events: number;
  /** What the event loop gets with an event: the lower and the upper half of `epoll_data_t`. */
  readonly data: readonly [low: number, high: number];
}

/** A descriptor that an epoll instance watches. */
export interface WatchedDescriptor extends Watch {
  /** The number at the time of registration, which may be another file's by now. */
  readonly fd: number;
  /** The inode of the file; `undefined` where the kernel does not tell it. */
  readonly inode: number | undefined;
}

let loaded: Calls<typeof epollSymbols> | undefined;

function calls(): Calls<typeof epollSymbols> {
  if (loaded !== undefined) return loaded;
  kernel("epoll_ctl"); // throws unless it is Linux
  return loaded = loadLibrary(libraries, epollSymbols);
}

/**
 * How the epoll instances of this process watch a descriptor. An instance with two descriptors is there
 * twice.
 *
 * @param watched what they watch, where that is known already
 * @throws {HandleError} `EBADF` when the descriptor is not open; when /proc can't be read
 */
export function watchesOf(
  fd: number,
  watched: readonly WatchedDescriptor[] = watchedDescriptors(fd),
): Watch[] {
  calls();
  const identity = identityOf(fd);
  if (identity === undefined) throw posixError(libc().errno[0]!, "statx", fd);
  // The number may be another file's since the registration, so the inode must be the same.
  return watched.filter((each) =>
    each.fd === fd && (each.inode === undefined || each.inode === identity.inode)
  );
}

/**
 * All that the epoll instances of this process watch.
 *
 * @param only the one number to look for; default all
 * @param epolls descriptors of the instances; default all
 * @throws {HandleError} when /proc can't be read
 */
export function watchedDescriptors(
  only?: number,
  epolls: Iterable<number> = epollDescriptors(),
): WatchedDescriptor[] {
  calls();
  return [...epolls].flatMap((epoll) => {
    const lines = (wholeText(`/proc/self/fdinfo/${epoll}`) ?? "").split("\n");
    return lines.flatMap((line) => readWatch(epoll, line, only));
  });
}

/** The descriptors of epoll instances. Their inode is of no type. */
function epollDescriptors(): number[] {
  return openDescriptors().filter((fd) =>
    ((identityOf(fd)?.mode ?? S_IFMT) & S_IFMT) === 0 &&
    linkText(`/proc/self/fd/${fd}`) === "anon_inode:[eventpoll]"
  );
}

const LINE =
  /^tfd:\s*(\d+) events:\s*([\da-f]+) data:\s*([\da-f]+)(?:\s+pos:-?\d+ ino:([\da-f]+))?/;

/** Reads a line such as `tfd: 22 events: 8000201d data: 5641adeba180  pos:0 ino:8b1f sdev:9`. */
function readWatch(epoll: number, line: string, only: number | undefined): WatchedDescriptor[] {
  if (only !== undefined && Number.parseInt(line.slice("tfd:".length)) !== only) return [];
  const [, number, events, data = "", ino] = LINE.exec(line) ?? [];
  if (number === undefined) return [];
  return [{
    epoll,
    fd: Number(number),
    events: Number.parseInt(events!, 16),
    data: [Number.parseInt(data.slice(-8), 16), Number.parseInt(data.slice(0, -8) || "0", 16)],
    inode: ino === undefined ? undefined : Number.parseInt(ino, 16),
  }];
}

/**
 * Has an epoll instance watch a descriptor. Nothing happens when it does already: two descriptors of one
 * instance are told apart by nothing.
 *
 * @throws {HandleError} `ENOMEM`, `ENOSPC` when the user watches too many descriptors, `EBADF`
 */
export function watch(fd: number, { epoll, events, data: [low, high] }: Watch): void {
  const { epoll_ctl } = calls();
  const { errno } = libc();
  const { address, data } = scratch();
  // struct epoll_event is packed on x86-64 alone.
  const at = arch() === "x64" ? 4 : 8;
  data.setUint32(0, events, true);
  data.setUint32(at, low, true);
  data.setUint32(at + 4, high, true);
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, address) !== -1) return;
  const error = errno[0]!;
  if (error !== EEXIST) throw posixError(error, "epoll_ctl", fd);
}

/** Has an epoll instance watch a descriptor no longer. Nothing happens when it does not. */
export function unwatch(fd: number, epoll: number): void {
  const { epoll_ctl } = calls();
  const { errno } = libc();
  if (epoll_ctl(epoll, EPOLL_CTL_DEL, fd, scratch().address) !== -1) return;
  const error = errno[0]!;
  if (error !== ENOENT && error !== EBADF) throw posixError(error, "epoll_ctl", fd);
}
