/** The handles of this process on POSIX: on Linux with all that the kernel reports, on macOS with less. */
import { hasCode } from "../../ffi/error.ts";
import { osName, pid as ownPid } from "../../ffi/host.ts";
import { FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { fcntl_getfd, fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import {
  type Identity,
  identityOf,
  openDescriptors,
  withOwnDirectory,
} from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { positionOf } from "../handle/posix.ts";
import { nodeFs } from "../util/node.ts";
import { accessOfFlags, hasPosition, kindOf, nameOf } from "./posix_kinds.ts";
import { addPeers, ownSocket } from "./posix_sockets.ts";
import { type HandleInfo, handleInfo } from "./types.ts";

/** Whether this is Linux. */
export function isLinux(): boolean {
  return osName() === "linux";
}

/** Describes every handle of this process, lowest number first. */
export function listOwn(): HandleInfo[] {
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
export function inspectOne(
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
export function fileOf(fd: number): Identity | undefined {
  if (isLinux()) return identityOf(fd);
  try {
    const { dev, ino, mode } = nodeFs().fstatSync(fd);
    return { device: dev, inode: ino, inodeLow: ino % 2 ** 32, mode, major: 0, minor: 0 };
  } catch {
    return undefined;
  }
}
