/** The verbs on Linux and macOS. */
import { checkFd } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { platform } from "../../ffi/host.ts";
import { FD_CLOEXEC, O_CLOEXEC } from "../../ffi/posix/constants.ts";
import { close, dup2, dup3 } from "../../ffi/posix/dup.ts";
import { fcntl_getfd, fcntl_setfd } from "../../ffi/posix/fcntl.ts";
import { posixBatches } from "../batch/posix.ts";
import { posixChannels } from "../channel/posix.ts";
import { posixChildren } from "../child/posix.ts";
import { duplicatePosix, MINIMUM, movePosix } from "./posix_duplicate.ts";
import { posixLooking } from "../inspect/posix.ts";
import { narrowPosix } from "./posix_narrow.ts";
import { posixProcesses } from "../process/posix.ts";
import type { System } from "./platform.ts";

/** The verbs on Linux and macOS. */
export const posixSystem: System = {
  checkBorrowed: (raw) => checkFd(raw, "a handle"),
  checkOwned: (raw) => checkFd(raw, "a handle"),
  rawOfFd: (fd) => fd,
  duplicate: duplicatePosix,
  narrow(raw, access, inheritable, minimum) {
    const opened = narrowPosix(raw, access, inheritable);
    if (opened === undefined) return duplicatePosix(raw, inheritable, minimum);
    if (opened >= (minimum ?? MINIMUM)) return opened;
    return movePosix(opened, inheritable, minimum);
  },
  duplicateOnto(raw, target, inheritable) {
    if (platform() !== "darwin") {
      dup3(raw, target, inheritable ? 0 : O_CLOEXEC);
      return;
    }
    // macOS has no dup3. The target itself is replaced in one step; only its inheritance is set
    // in a second one, so a child that starts in between may inherit it.
    if (raw === target) throw equalNumbers(raw);
    dup2(raw, target);
    if (!inheritable) fcntl_setfd(target, FD_CLOEXEC);
  },
  isInheritable: (raw) => (fcntl_getfd(raw) & FD_CLOEXEC) === 0,
  setInheritable(raw, inheritable) {
    const others = fcntl_getfd(raw) & ~FD_CLOEXEC;
    fcntl_setfd(raw, inheritable ? others : others | FD_CLOEXEC);
  },
  close,
  batches: posixBatches,
  channels: posixChannels,
  looking: posixLooking,
  processes: posixProcesses,
  children: posixChildren,
};

function equalNumbers(raw: number): Error {
  return failure("EINVAL", "dup2", {
    message: `Cannot duplicate fd ${raw} onto itself: the numbers are equal`,
    handle: raw,
  });
}
