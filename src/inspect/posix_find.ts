/** Who holds a file, a port or an open file, on Linux: in every process that this one may examine. */
import { HandleError, hasCode } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import {
  descriptorIdentity,
  descriptorsOf,
  pathIdentity,
  processes,
  threadsOf,
} from "../../ffi/posix/holders.ts";
import {
  type Identity,
  isOneOpenFile,
  isSameFile,
  openDescriptors,
  orderOf,
  S_IFBLK,
  S_IFCHR,
  S_IFMT,
  S_IFSOCK,
} from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { inspectPermissionAdvice } from "../process/ptrace.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { foundHandles } from "./found.ts";
import { accessOfFlags } from "./posix_kinds.ts";
import { inspectOne } from "./posix_own.ts";
import { hasEnded, HIDDEN, inspectForeign } from "./posix_process.ts";
import { addPeers, addSockets, socketsAtPath, socketsAtPort } from "./posix_sockets.ts";
import type { FoundHandles, HandleInfo, HiddenProcess } from "./types.ts";

/** Why a descriptor of the file may be one of the open file, and is not listed. */
const NOT_COMPARED =
  "the kernel does not compare open files of processes here (kcmp): look for { path }";

/** Why nothing is known of a socket. */
const NOT_LISTED =
  "the kernel does not list the sockets here (netlink): look for it with listHandles()";

/** What a search looks for. */
interface Search {
  /** Whether the file of a descriptor is the wanted one. */
  readonly isWanted: (file: Identity) => boolean;
  /** Whether a descriptor of that file is a wanted one; `undefined` when the kernel does not say. */
  readonly confirm?: (pid: number, info: HandleInfo) => boolean | undefined;
}

/** What has the file at a path open. A path of a socket is held by those that are bound to it. */
export function findAtPath(path: string): FoundHandles {
  const file = pathIdentity(path);
  const type = file.mode & S_IFMT;
  if (type === S_IFSOCK) {
    const inodes = socketsAtPath(path, file);
    if (inodes !== undefined) return search({ isWanted: isSocketOf(inodes) });
    return foundHandles([], [{ pid: undefined, code: "ENOTSUP", reason: NOT_LISTED }]);
  }
  // One device can have several paths, and containers have their own.
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  const isSameDevice = (other: Identity) =>
    isDevice && (other.mode & S_IFMT) === type && other.major === file.major &&
    other.minor === file.minor;
  return search({ isWanted: (other) => isSameFile(file, other) || isSameDevice(other) });
}

/** What has a socket whose own port is this one, in this network namespace. */
export function findAtPort(port: number): FoundHandles {
  const inodes = socketsAtPort(port);
  if (inodes.size === 0) return foundHandles([], []);
  const found = search({ isWanted: isSocketOf(inodes) });
  const seen = new Set(found.map(({ inode }) => inode));
  const missing = [...inodes].filter((inode) => !seen.has(inode)).length;
  if (missing === 0) return found;
  const reason =
    `${missing} of its sockets belong to the kernel, or to processes that this one may not ` +
    "examine or does not see";
  return foundHandles(found, [...found.hidden, { pid: undefined, code: "ESRCH", reason }]);
}

/** What shares the open file of a descriptor of this process, which is in the result itself. */
export function findOpenFile(raw: number): FoundHandles {
  const access = accessOfFlags(fcntl_getfl(raw)); // throws when it is not open
  const file = descriptorIdentity(raw);
  return search({
    isWanted: (other) => isSameFile(file, other),
    confirm(pid, info) {
      if (pid === ownPid() && info.raw === raw) return true;
      const isOne = tryOrUndefined(() => {
        if (pid === ownPid()) return isOneOpenFile(raw, info.raw);
        const order = orderOf(ownPid(), raw, info.raw, pid);
        return order === undefined ? undefined : order === 0;
      });
      // A socket has one open file alone, and one open file has one access.
      return isOne ?? (info.access !== access ? false : info.kind === "socket" || undefined);
    },
  });
}

const isSocketOf = (inodes: ReadonlySet<number>) => ({ mode, inode }: Identity): boolean =>
  (mode & S_IFMT) === S_IFSOCK && inodes.has(inode);

/** Searches every process. */
function search({ isWanted, confirm }: Search): FoundHandles {
  const found: HandleInfo[] = [];
  const hidden: HiddenProcess[] = [];
  const pids = processes();
  // Every namespace of processes has a first one, so it is only hidden where it is not shown.
  if (!pids.includes(1)) hidden.push({ pid: undefined, code: "EPERM", reason: HIDDEN });
  for (const pid of pids) {
    try {
      const { infos, refused } = searchProcess(pid, isWanted);
      const answers = infos.map((info) => confirm === undefined || confirm(pid, info));
      found.push(...infos.filter((_, at) => answers[at] === true));
      if (answers.includes(undefined)) hidden.push({ pid, code: "ENOTSUP", reason: NOT_COMPARED });
      if (refused !== undefined) hidden.push({ pid, ...refused });
    } catch (error) {
      if (hasCode(error, "ENOENT", "ESRCH")) continue;
      if (!hasCode(error, "EACCES", "EPERM")) throw error;
      const isForbidden = hasCode(error, "EACCES");
      if (isForbidden && hasEnded(pid)) continue;
      const reason = isForbidden ? inspectPermissionAdvice(pid) : HIDDEN;
      hidden.push({ pid, code: error.code, reason });
    }
  }
  return foundHandles(found, hidden);
}

/**
 * Searches a process.
 *
 * @returns what is found, and why a descriptor could not be looked at
 */
function searchProcess(
  pid: number,
  isWanted: Search["isWanted"],
): { infos: HandleInfo[]; refused: Omit<HiddenProcess, "pid"> | undefined } {
  const isOwn = pid === ownPid();
  const infos: HandleInfo[] = [];
  let refused: Omit<HiddenProcess, "pid"> | undefined;
  const { id, fds } = isOwn ? { id: pid, fds: openDescriptors() } : threadOf(pid);
  for (const fd of fds) {
    const path = `/proc/${id}/fd/${fd}`;
    try {
      const file = isOwn ? descriptorIdentity(fd) : pathIdentity(path);
      if (!isWanted(file)) continue;
      const info = isOwn
        ? inspectOne(fd, fcntl_getfl(fd), undefined, undefined)
        : inspectForeign(id, fd);
      if (info !== undefined) infos.push({ ...info, pid });
    } catch (error) {
      if (!(error instanceof HandleError)) throw error;
      // Without a free descriptor nothing is found, which is not to look like an answer.
      if (hasCode(error, "EMFILE", "ENFILE", "ENOMEM")) throw error;
      const { code, message } = error;
      if (["EBADF", "ENOENT", "ESRCH"].includes(code)) continue; // it is closed by now
      // Who may list descriptors may not always look at them: root without CAP_SYS_PTRACE. Where the name can be
      // read, the file is what refuses: that of another user's file server, or of one that is gone.
      const isForbidden = code === "EACCES" && tryOrUndefined(() => linkText(path)) === undefined;
      refused = { code, reason: isForbidden ? inspectPermissionAdvice(pid) : message };
    }
  }
  if (isOwn) addPeers(infos);
  else addSockets(pid, infos);
  return { infos, refused };
}

/**
 * The descriptors of a process, and the thread that shows them. It is the first one, unless that has ended
 * before the others: then it has none.
 */
function threadOf(pid: number): { id: number; fds: number[] } {
  const fds = descriptorsOf(pid);
  if (fds.length > 0) return { id: pid, fds };
  for (const id of threadsOf(pid)) {
    const fds = tryOrUndefined(() => descriptorsOf(id)) ?? [];
    if (fds.length > 0) return { id, fds };
  }
  return { id: pid, fds };
}
