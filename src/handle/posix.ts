/** Handles on Linux and macOS. */
import { checkFd } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { FD_CLOEXEC, O_CLOEXEC, SEEK_CUR } from "../../ffi/posix/constants.ts";
import { close, dup2, dup3, fcntl_dupfd, fcntl_dupfd_cloexec } from "../../ffi/posix/dup.ts";
import { fcntl_getfd, fcntl_setfd } from "../../ffi/posix/fcntl.ts";
import { lseek } from "../../ffi/posix/file.ts";
import { consume } from "../util/late_close.ts";
import { observer, reportNumber } from "./hooks.ts";
import { hasExactlyPosix, narrowPosix } from "./posix_narrow.ts";
import type { HandlePlatform } from "./types.ts";

/** The lowest number after the standard descriptors, so that a duplicate never becomes stdin. */
export const MINIMUM = 3;

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
