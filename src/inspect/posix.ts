/** Inspecting handles on Linux, where the kernel reports everything, and on macOS. */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { osName, pid as ownPid } from "../../ffi/host.ts";
import { FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { fcntl_getfd, fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import {
  type Identity,
  identityOf,
  isOneOpenFile,
  openDescriptors,
} from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { type HandleInfo, handleInfo, type InspectPlatform } from "./types.ts";
import { listOther } from "./posix_process.ts";
import { accessOfFlags, hasPosition, kindOf, nameOf } from "./posix_kinds.ts";
import { countSharing } from "./posix_sharing.ts";
import { nodeFs } from "../util/node.ts";
import { positionOf } from "../handle/posix.ts";

/** The implementation for Linux and macOS. */
export const posixInspect: InspectPlatform = {
  inspect(raw) {
    const info = inspectOne(raw);
    const references = countSharers(raw);
    return references === undefined ? info : { ...info, references };
  },
  isSame(a, b) {
    for (const raw of [a, b]) fcntl_getfd(raw); // throws when it is not open
    if (a === b) return true;
    return (isLinux() ? isOneOpenFile(ownPid(), a, b) : undefined) ?? isSameWithoutKcmp(a, b);
  },
  list(pid) {
    if (!isLinux()) throw onlyLinux();
    const found = pid === ownPid() ? listOwn() : listOther(pid);
    return countSharing(pid, found);
  },
};

function isLinux(): boolean {
  return osName() === "linux";
}

function listOwn(): HandleInfo[] {
  const found: HandleInfo[] = [];
  for (const fd of openDescriptors()) {
    try {
      found.push(inspectOne(fd));
    } catch (error) {
      // Another thread has closed it in the meantime.
      if (!hasCode(error, "EBADF")) throw error;
    }
  }
  return found;
}

/** Inspects a descriptor of this process. Everything but the path is known without /proc too. */
function inspectOne(fd: number): HandleInfo {
  const flags = fcntl_getfl(fd);
  const inheritable = (fcntl_getfd(fd) & FD_CLOEXEC) === 0;
  const identity = fileOf(fd);
  const link = isLinux() ? linkText(`/proc/self/fd/${fd}`) : undefined;
  const kind = kindOf(identity, link);
  return handleInfo({
    raw: fd,
    pid: ownPid(),
    kind,
    access: accessOfFlags(flags),
    inheritable,
    ...nameOf(kind, link, identity, ""),
    position: hasPosition(kind, identity) ? positionOf(fd) : undefined,
    device: identity?.device,
    inode: identity?.inode,
  });
}

/**
 * The identity of the file. On macOS it comes from the runtime, and Deno knows only its own
 * descriptors.
 */
function fileOf(fd: number): Identity | undefined {
  if (isLinux()) return identityOf(fd);
  try {
    const { dev, ino, mode } = nodeFs().fstatSync(fd);
    return { device: dev, inode: ino, mode, major: 0, minor: 0 };
  } catch {
    return undefined;
  }
}

/** Counts the descriptors of this process that share the open file of one, itself among them. */
function countSharers(fd: number): number | undefined {
  const me = ownPid();
  if (!isLinux() || isOneOpenFile(me, fd, fd) !== true) return undefined;
  return openDescriptors().filter((other) => isOneOpenFile(me, fd, other) === true).length;
}

/** Two files or two different accesses cannot be one open file. Without kcmp no more is known. */
function isSameWithoutKcmp(a: number, b: number): false {
  const [one, other] = [fileOf(a), fileOf(b)];
  const isOneFile = one === undefined || other === undefined ||
    (one.device === other.device && one.inode === other.inode);
  if (!isOneFile || accessOfFlags(fcntl_getfl(a)) !== accessOfFlags(fcntl_getfl(b))) return false;
  throw failure("ENOTSUP", "kcmp", {
    message: `Cannot tell whether fd ${a} and fd ${b} are one open file: the system has no kcmp ` +
      "or forbids it here; record in your program which handle is a duplicate of which",
    handle: a,
  });
}

function onlyLinux(): HandleError {
  return failure("ENOTSUP", "open", {
    message: "Cannot list handles: this system has no /proc/PID/fd; use lsof",
  });
}
