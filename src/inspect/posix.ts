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
  withOwnDirectory,
} from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { type HandleInfo, handleInfo, type InspectPlatform } from "./types.ts";
import { listOther } from "./posix_process.ts";
import { accessOfFlags, hasPosition, kindOf, nameOf } from "./posix_kinds.ts";
import { countSharers, countSharing } from "./posix_sharing.ts";
import { addPeers, ownSocket } from "./posix_sockets.ts";
import { nodeFs } from "../util/node.ts";
import { positionOf } from "../handle/posix.ts";

/** The implementation for Linux and macOS. */
export const posixInspect: InspectPlatform = {
  inspect(raw) {
    // First of all: throws when it is not open, before its number can become the directory's.
    const flags = fcntl_getfl(raw);
    if (!isLinux()) return inspectOne(raw, flags, undefined, undefined);
    const info = withOwnDirectory((directory) =>
      inspectOne(raw, flags, directory, countSharers(raw, directory))
    );
    addPeers([info]);
    return info;
  },
  isSame(a, b) {
    const answer = isLinux() && a !== b ? isOneOpenFile(a, b) : undefined;
    if (answer === true) return true;
    for (const raw of [a, b]) fcntl_getfd(raw); // throws when it is not open
    if (a === b) return true;
    return answer ?? isSameWithoutKernel(a, b);
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
  withOwnDirectory((directory) => {
    for (const fd of openDescriptors(directory)) {
      try {
        found.push(inspectOne(fd, fcntl_getfl(fd), directory, undefined));
      } catch (error) {
        // Another thread has closed it in the meantime.
        if (!hasCode(error, "EBADF")) throw error;
      }
    }
  });
  addPeers(found);
  return found;
}

/**
 * Inspects a descriptor of this process. Everything but the path is known without /proc too.
 *
 * @param flags its status flags
 * @param directory a descriptor of /proc/self/fd, from which a link is read in less time
 */
function inspectOne(
  fd: number,
  flags: number,
  directory: number | undefined,
  references: number | undefined,
): HandleInfo {
  const inheritable = (fcntl_getfd(fd) & FD_CLOEXEC) === 0;
  const identity = fileOf(fd);
  const link = linkOf(fd, directory);
  const kind = kindOf(identity, link);
  return handleInfo({
    raw: fd,
    pid: ownPid(),
    kind,
    access: accessOfFlags(flags),
    inheritable,
    ...nameOf(kind, link, identity, ""),
    position: hasPosition(kind, identity) ? positionOf(fd) : undefined,
    references,
    device: identity?.device,
    inode: identity?.inode,
    socket: kind === "socket" ? ownSocket(fd) : undefined,
  });
}

function linkOf(fd: number, directory: number | undefined): string | undefined {
  if (!isLinux()) return undefined;
  return directory === undefined
    ? linkText(`/proc/self/fd/${fd}`)
    : linkText(String(fd), directory);
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

/** Two files or two different accesses cannot be one open file. No more is known without the kernel. */
function isSameWithoutKernel(a: number, b: number): false {
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
