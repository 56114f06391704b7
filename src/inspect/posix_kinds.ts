/** The kind of a descriptor's object, from the identity of its file and from its link in /proc. */
import { O_ACCMODE, O_PATH, O_RDONLY, O_RDWR, O_WRONLY } from "../../ffi/posix/constants.ts";
import {
  type Identity,
  identityAt,
  isSameFile,
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

/** The end of the link of a file whose path was deleted. */
const DELETED = " (deleted)";
/** The start of the link of a memfd. */
const MEMORY = "/memfd:";

/** Kinds of objects without a file, by the text of their links. */
const ANONYMOUS: ReadonlyMap<string, HandleKind> = /* @__PURE__ */ new Map([
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
 * The major numbers of terminals: virtual consoles and serial ports, `/dev/tty`, Unix 98 pairs, modems,
 * other and USB serial ports, the consoles of hypervisors.
 *
 * @see https://docs.kernel.org/admin-guide/devices.html
 */
const TERMINALS: ReadonlySet<number> = /* @__PURE__ */ new Set(
  [4, 5, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143]
    .concat([166, 188, 204, 229]),
);

/** The kind of object that a descriptor refers to. */
export function kindOf(identity: Identity | undefined, link: string | undefined): HandleKind {
  if (link?.startsWith("anon_inode:")) {
    return ANONYMOUS.get(link.slice("anon_inode:".length)) ?? "other";
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
      return TERMINALS.has(identity!.major) ? "terminal" : "device";
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

/** Whether reading the object moves a position, as it does not for a pipe or a terminal. */
export function hasPosition(kind: HandleKind, identity: Identity | undefined): boolean {
  if (kind === "file" || kind === "memory") return true;
  return ((identity?.mode ?? 0) & S_IFMT) === S_IFBLK;
}

/** The access of an open file, from its status flags. Access mode 3 allows ioctl(2) only. */
export function accessOfFlags(flags: number): HandleAccess {
  if ((flags & O_PATH) !== 0) return "none";
  const mode = flags & O_ACCMODE;
  return accessOf(mode === O_RDONLY || mode === O_RDWR, mode === O_WRONLY || mode === O_RDWR);
}

/**
 * The path of an object, or its name when it has no path.
 *
 * @param root the path of the process's root directory, without a slash at its end: "" for this process
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
  // The real name of a file may end like that.
  if (!link.endsWith(DELETED) || isSameFile(identityAt(root + link), identity)) {
    return { path: link };
  }
  return { path: link.slice(0, -DELETED.length), deleted: true };
}
