/** What a descriptor refers to, from the numbers of its file and from its link in /proc. */
import { O_ACCMODE, O_PATH, O_RDONLY, O_RDWR, O_WRONLY } from "../../ffi/posix/constants.ts";
import {
  type Identity,
  identityAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../ffi/posix/identity.ts";
import { accessOf, type HandleAccess, type HandleInfo, type HandleKind } from "./types.ts";

/** What ends the link of a file whose path is gone. */
const DELETED = " (deleted)";
const MEMORY = "/memfd:";

/** Objects without a file, by what their links say. */
const anonymous: ReadonlyMap<string, HandleKind> = /* @__PURE__ */ new Map([
  ["[eventfd]", "eventfd"],
  ["[timerfd]", "timerfd"],
  ["[signalfd]", "signalfd"],
  ["[eventpoll]", "epoll"],
  ["inotify", "inotify"],
  ["[fanotify]", "fanotify"],
  ["[io_uring]", "io_uring"],
  ["[pidfd]", "process"],
]);

/**
 * The drivers of terminals: virtual and serial ones, `/dev/tty` and its like, the pairs of
 * Unix 98, modems, serial ports of other kinds and of USB, the consoles of hypervisors.
 *
 * @see https://docs.kernel.org/admin-guide/devices.html
 */
const TERMINALS: ReadonlySet<number> = /* @__PURE__ */ new Set(
  [4, 5, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143]
    .concat([166, 188, 204, 229]),
);

/** What a descriptor refers to. */
export function kindOf(identity: Identity | undefined, link: string | undefined): HandleKind {
  if (link?.startsWith("anon_inode:")) {
    return anonymous.get(link.slice("anon_inode:".length)) ?? "other";
  }
  switch ((identity?.mode ?? 0) & S_IFMT) {
    case S_IFREG:
      if (link === undefined || link.startsWith("/")) return kindOfFile(link);
      return /^\w+:\[\d+\]$/.test(link) ? "namespace" : "other";
    case S_IFDIR:
      return "directory";
    case S_IFIFO:
      return "pipe";
    case S_IFSOCK:
      return "socket";
    case S_IFCHR:
      return TERMINALS.has(identity!.driver) ? "terminal" : "device";
    case S_IFBLK:
      return "device";
    case S_IFLNK:
      return "symlink";
    default:
      return "other";
  }
}

function kindOfFile(link: string | undefined): HandleKind {
  return link?.startsWith(MEMORY) && link.endsWith(DELETED) ? "memory" : "file";
}

/** Whether a position means something: reading a pipe or a terminal does not move one. */
export function hasPosition(kind: HandleKind, identity: Identity | undefined): boolean {
  if (kind === "file" || kind === "memory") return true;
  return ((identity?.mode ?? 0) & S_IFMT) === S_IFBLK;
}

/** The access that the flags of an open file tell. Access mode 3 is for ioctl(2) alone. */
export function accessOfFlags(flags: number): HandleAccess {
  if ((flags & O_PATH) !== 0) return "none";
  const mode = flags & O_ACCMODE;
  return accessOf(mode === O_RDONLY || mode === O_RDWR, mode === O_WRONLY || mode === O_RDWR);
}

/**
 * The path of an object, or the name of one that has no path.
 *
 * @param root what stands before the paths of the process: "" for this one
 */
export function nameOf(
  kind: HandleKind,
  link: string | undefined,
  identity: Identity | undefined,
  root: string,
): Pick<HandleInfo, "path" | "deleted" | "name"> {
  if (link === undefined) return {};
  if (kind === "memory") return { name: link.slice(1, -DELETED.length) };
  if (!link.startsWith("/")) return { name: link };
  // A file may really be called so.
  if (!link.endsWith(DELETED) || isAt(root + link, identity)) return { path: link };
  return { path: link.slice(0, -DELETED.length), deleted: true };
}

function isAt(path: string, identity: Identity | undefined): boolean {
  const found = identityAt(path);
  return found !== undefined && found.device === identity?.device &&
    found.inode === identity.inode;
}
