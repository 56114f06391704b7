/** What the event loops of this process watch, on Linux: epoll(7), proc_pid_fdinfo(5). */
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import { arch } from "../host.ts";
import { posixError } from "./errors.ts";
import { type Identity, identityOf, openDescriptors, S_IFMT } from "./identity.ts";
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
 * @throws {HandleError} `EBADF` when the descriptor is not open; when /proc can't be read
 */
export function watchesOf(fd: number): Watch[] {
  calls();
  const identity = identityOf(fd);
  if (identity === undefined) throw posixError(libc().errno[0]!, "statx", fd);
  return epollDescriptors().flatMap((epoll) => {
    const text = wholeText(`/proc/self/fdinfo/${epoll}`) ?? "";
    return text.split("\n").flatMap((line) => readWatch(epoll, line, fd, identity));
  });
}

/** The descriptors of epoll instances. Their inode is of no type. */
function epollDescriptors(): number[] {
  return openDescriptors().filter((fd) =>
    ((identityOf(fd)?.mode ?? S_IFMT) & S_IFMT) === 0 &&
    linkText(`/proc/self/fd/${fd}`) === "anon_inode:[eventpoll]"
  );
}

const LINE = /^tfd:\s*(\d+) events:\s*([\da-f]+) data:\s*([\da-f]+)(?:.* ino:([\da-f]+))?/;

/**
 * Reads a line such as `tfd: 22 events: 8000201d data: 5641adeba180  pos:0 ino:8b1f sdev:9`. The number is
 * the one at the time of registration, which may be another file's by now, so the inode must be the same.
 */
function readWatch(epoll: number, line: string, fd: number, { inode }: Identity): Watch[] {
  const [, number, events, data = "", ino] = LINE.exec(line) ?? [];
  if (Number(number) !== fd || (ino !== undefined && Number.parseInt(ino, 16) !== inode)) return [];
  const digits = data.padStart(16, "0");
  const [high, low] = [digits.slice(0, 8), digits.slice(8)].map((half) =>
    Number.parseInt(half, 16)
  );
  return [{ epoll, events: Number.parseInt(events!, 16), data: [low!, high!] }];
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
