/**
 * Handles on Linux and macOS.
 *
 * An open file on Linux cannot lose access, so when the source has more access than is requested, the file is
 * opened again, through its name below /proc/self/fd. That works for deleted files and pipes too. The new open
 * file starts at the source's position and has a position of its own from there.
 */
import { checkFd } from "../../ffi/check.ts";
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import {
  FD_CLOEXEC,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_DIRECT,
  O_DSYNC,
  O_NOATIME,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_WRONLY,
  SEEK_CUR,
  SEEK_SET,
} from "../../ffi/posix/constants.ts";
import { close, dup2, dup3, fcntl_dupfd, fcntl_dupfd_cloexec } from "../../ffi/posix/dup.ts";
import { fcntl_getfd, fcntl_getfl, fcntl_setfd, fcntl_setfl } from "../../ffi/posix/fcntl.ts";
import { lseek, open } from "../../ffi/posix/file.ts";
import { identityOf, S_IFCHR, S_IFMT } from "../../ffi/posix/identity.ts";
import { closeQuietly, consume } from "../util/late_close.ts";
import { observer, reportNumber } from "./hooks.ts";
import { READ, requestedRights, WRITE } from "./options.ts";
import type { Access, HandlePlatform } from "./types.ts";

/** The lowest number after the standard descriptors, so that a duplicate never becomes stdin. */
export const MINIMUM = 3;

/**
 * The status flags that the new open file takes over from the source: all that open(2) accepts. A writer
 * that lost O_SYNC or O_DSYNC would report bytes as safe that are not.
 */
const KEPT_FLAGS = O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME;

/** The device that makes a new terminal at each open, by major and minor number: ptmx(4). */
const PTMX = { major: 5, minor: 2 };

/** Whether this system is macOS. It is read once: in Node the name of the system is behind a getter. */
let isMac: boolean | undefined;

/** Handles on Linux and macOS. */
export const posixPlatform: HandlePlatform = {
  checkBorrowed: (raw) => checkFd(raw, "a handle"),
  checkOwned: (raw) => checkFd(raw, "a handle"),
  rawOfFd: (fd) => fd,
  duplicate(raw, inheritable, minimum = MINIMUM) {
    // Written out: through duplicatePosix and reportNumber it takes some 4 % longer in Bun.
    const copy = inheritable ? fcntl_dupfd(raw, minimum) : fcntl_dupfd_cloexec(raw, minimum);
    return observer === undefined ? copy : reportNumber(copy, close);
  },
  hasExactly: hasExactlyPosix,
  narrow(raw, access, inheritable, minimum) {
    const opened = narrowPosix(raw, access, inheritable);
    if (opened === undefined) return reportNumber(duplicatePosix(raw, inheritable, minimum), close);
    if (opened >= (minimum ?? MINIMUM)) return reportNumber(opened, close);
    return reportNumber(movePosix(opened, inheritable, minimum), close);
  },
  duplicateOnto(raw, target, inheritable) {
    isMac ??= osName() === "darwin";
    if (isMac) replaceOnMac(raw, target, inheritable);
    else dup3(raw, target, inheritable ? 0 : O_CLOEXEC);
    observer?.onReplace(target);
  },
  isInheritable: (raw) => (fcntl_getfd(raw) & FD_CLOEXEC) === 0,
  setInheritable(raw, inheritable) {
    const others = fcntl_getfd(raw) & ~FD_CLOEXEC;
    fcntl_setfd(raw, inheritable ? others : others | FD_CLOEXEC);
  },
  close,
  refuseProtected() {},
};

/**
 * macOS has no dup3. The target itself is replaced in one step; only its inheritance is set in a second
 * one, so a child that starts in between may inherit it.
 */
function replaceOnMac(raw: number, target: number, inheritable: boolean): void {
  if (raw === target) {
    throw failure("EINVAL", "dup2", {
      message: `Cannot duplicate fd ${raw} onto itself: the numbers are equal; name another target`,
      handle: raw,
    });
  }
  dup2(raw, target);
  if (!inheritable) fcntl_setfd(target, FD_CLOEXEC);
}

/** A new descriptor of the same open file, in one step whether it is inheritable or not. */
export function duplicatePosix(
  fd: number,
  inheritable: boolean,
  minimum: number = MINIMUM,
): number {
  return inheritable ? fcntl_dupfd(fd, minimum) : fcntl_dupfd_cloexec(fd, minimum);
}

/** The same open file under another number. The old one is closed, whatever the outcome. */
export function movePosix(fd: number, inheritable: boolean, minimum?: number): number {
  return consume({ close: () => close(fd) }, () => duplicatePosix(fd, inheritable, minimum));
}

/** The position in bytes; `undefined` when there is none, or the descriptor is closed by now. */
export function positionOf(fd: number): number | undefined {
  try {
    return lseek(fd, 0, SEEK_CUR);
  } catch {
    return undefined; // it only names the file (O_PATH), or the file system has no positions
  }
}

/**
 * Opens the source's file again with less access.
 *
 * @returns the new descriptor, or `undefined` when the source has exactly that access already, so that a
 * plain duplicate is enough
 * @throws {HandleError} `EACCES` when the source lacks the access, `ENOTSUP` when it cannot be
 * opened again
 */
function narrowPosix(
  fd: number,
  access: Access,
  inheritable: boolean,
): number | undefined {
  const wanted = requestedRights(access, fd);
  const flags = fcntl_getfl(fd);
  if (isExactly(wanted, flags, fd)) return undefined;
  if (osName() !== "linux") throw cannotReopen(fd, "this system opens /dev/fd with all access");
  if (isPtmx(fd)) {
    throw cannotReopen(fd, "it is the master of a terminal, and would be that of another one");
  }
  const mode = wanted === READ ? O_RDONLY : O_WRONLY;
  const kept = flags & KEPT_FLAGS;
  const opened = reopen(fd, mode | kept | O_NOCTTY | (inheritable ? 0 : O_CLOEXEC));
  try {
    copyPosition(fd, opened);
  } catch (error) {
    closeQuietly(() => close(opened));
    throw error;
  }
  return opened;
}

/** Whether a descriptor has just this access. Throws as {@linkcode narrowPosix}. */
function hasExactlyPosix(fd: number, access: Access): boolean {
  return isExactly(requestedRights(access, fd), fcntl_getfl(fd), fd);
}

function isExactly(wanted: number, flags: number, fd: number): boolean {
  const held = heldRights(flags);
  if ((wanted & ~held) !== 0) throw lacksAccess(fd, wanted, held);
  return wanted === held;
}

function heldRights(flags: number): number {
  if ((flags & O_PATH) !== 0) return 0;
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return READ;
    case O_WRONLY:
      return WRITE;
    case O_RDWR:
      return READ | WRITE;
  }
  return 0;
}

function isPtmx(fd: number): boolean {
  const identity = identityOf(fd);
  return identity !== undefined && (identity.mode & S_IFMT) === S_IFCHR &&
    identity.major === PTMX.major && identity.minor === PTMX.minor;
}

function reopen(fd: number, flags: number): number {
  try {
    return open(`/proc/self/fd/${fd}`, flags);
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    switch (error.code) {
      case "EPERM":
        // Only the owner of the file may set it, and the source may have come from the owner.
        if ((flags & O_NOATIME) !== 0) return reopen(fd, flags & ~O_NOATIME);
        break;
      case "EINVAL":
        // A pipe accepts it only after it was opened.
        if ((flags & O_DIRECT) !== 0) return setDirect(reopen(fd, flags & ~O_DIRECT));
        break;
      case "ENXIO":
      case "ENOTSUP":
        throw cannotReopen(fd, "a socket or another object without a file", error);
      case "ENOENT":
        throw cannotReopen(fd, "/proc is not mounted", error);
    }
    throw error;
  }
}

function setDirect(fd: number): number {
  try {
    fcntl_setfl(fd, fcntl_getfl(fd) | O_DIRECT);
    return fd;
  } catch (error) {
    closeQuietly(() => close(fd));
    throw error;
  }
}

function copyPosition(from: number, to: number): void {
  try {
    lseek(to, lseek(from, 0, SEEK_CUR), SEEK_SET);
  } catch (error) {
    // A pipe or a terminal has no position.
    if (!hasCode(error, "ESPIPE")) throw error;
  }
}

function rightsText(rights: number): string {
  return ["nothing", "reading", "writing", "reading and writing"][rights]!;
}

function lacksAccess(fd: number, wanted: number, held: number): HandleError {
  return failure("EACCES", "fcntl", {
    message:
      `Cannot duplicate fd ${fd} for ${rightsText(wanted)}: it is open for ${rightsText(held)}; ` +
      "open the source with the access that its duplicates need",
    handle: fd,
  });
}

function cannotReopen(fd: number, reason: string, cause?: HandleError): HandleError {
  return failure("ENOTSUP", "open", {
    message: `Cannot narrow the access of fd ${fd}: it cannot be opened again (${reason}); ` +
      'use access: "same", or open it with less access from the start',
    handle: fd,
    cause,
  });
}
