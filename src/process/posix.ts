/** Other processes on Linux: a process is a pidfd, and a handle is taken with pidfd_getfd(2). */
import { checkFd } from "../../ffi/check.ts";
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import { close } from "../../ffi/posix/dup.ts";
import { O_CLOEXEC, POLLIN, PR_SET_PTRACER } from "../../ffi/posix/constants.ts";
import { procText } from "../../ffi/posix/proc.ts";
import { pidfd_getfd, pidfd_open, prctl } from "../../ffi/posix/process.ts";
import { poll } from "../../ffi/posix/socket.ts";
import { reportNumber } from "../handle/hooks.ts";
import { MINIMUM, movePosix, posixPlatform } from "../handle/posix.ts";
import { closeQuietly } from "../util/late_close.ts";
import { permissionAdvice, ptraceScope } from "./ptrace.ts";
import {
  isSelf,
  processEnded,
  type ProcessPlatform,
  type ProcessReference,
  showProcess,
} from "./types.ts";

/** Other processes on Linux. */
export const posixProcesses: ProcessPlatform = {
  open: (pid) => reportNumber(pidfd_open(pid, 0), close),
  current: () => pidfd_open(pid(), 0),
  checkProcess: (raw) => checkFd(raw, "a process"),
  pidOf(raw) {
    const target = readPid(`fdinfo/${raw}`);
    if (target === undefined) return undefined;
    const own = readPid("status");
    if (target === own) return pid();
    // A /proc of another pid namespace numbers processes differently.
    return own === pid() ? target : undefined;
  },
  checkGive(raw, to) {
    throw cannotGive(raw, to);
  },
  take(raw, from, inheritable, closeSource) {
    if (closeSource) throw cannotClose(raw, from);
    return reportNumber(prepareTaken(getfd(raw, from), inheritable), close);
  },
  give(raw, to) {
    throw cannotGive(raw, to);
  },
  attributesOf(raw, process) {
    return {
      inheritable: isSelf(process)
        ? posixPlatform.isInheritable(raw)
        : isInheritableIn(process, raw),
      isProtected: false,
    };
  },
  protect: (raw) => raw,
  giveProtected(raw, to) {
    throw cannotGive(raw, to);
  },
  closeIn(process, raw) {
    throw cannotClose(raw, process);
  },
  allowTake(pid) {
    try {
      prctl(PR_SET_PTRACER, pid);
    } catch (error) {
      if (!hasCode(error, "EINVAL")) throw error;
      // Without Yama only the user decides, so there is nothing to allow.
      if (ptraceScope() === undefined) return;
      throw processEnded({ raw: -1, pid }, error);
    }
  },
};

/** Whether the children of another process inherit a descriptor of it; `false` when it is not open. */
function isInheritableIn({ pid }: ProcessReference, raw: number): boolean {
  const text = pid === undefined ? undefined : procText(`/proc/${pid}/fdinfo/${raw}`);
  const octal = text?.match(/^flags:\t(\d+)$/m)?.[1];
  return octal !== undefined && (parseInt(octal, 8) & O_CLOEXEC) === 0;
}

/** The pid in a file about this process or about its pidfd; there 0 and −1 are no process. */
function readPid(file: string): number | undefined {
  const digits = procText(`/proc/self/${file}`)?.match(/^Pid:\t([1-9]\d*)$/m)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function getfd(raw: number, from: ProcessReference): number {
  try {
    return pidfd_getfd(from.raw, raw, 0);
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    // Kernels before 6.8 report EBADF for a process that has ended and was not yet waited for.
    const ended = error.code === "ESRCH" || (error.code === "EBADF" && hasProcessEnded(from.raw));
    if (ended) throw processEnded(from, error);
    if (error.code === "EPERM") throw notPermitted(error, from);
    throw error;
  }
}

/**
 * A taken descriptor has the lowest free number and is not inheritable. It is moved only where it would be
 * a standard descriptor, since moving closes a descriptor of its file.
 */
function prepareTaken(taken: number, inheritable: boolean): number {
  if (taken < MINIMUM) return movePosix(taken, inheritable);
  try {
    if (inheritable) posixPlatform.setInheritable(taken, true);
    return taken;
  } catch (error) {
    closeQuietly(() => close(taken));
    throw error;
  }
}

function hasProcessEnded(pidfd: number): boolean {
  try {
    return poll([{ fd: pidfd, events: POLLIN }], 0) === 1;
  } catch {
    return false; // the error of the failed call is the one to report
  }
}

function notPermitted(cause: HandleError, from: ProcessReference): HandleError {
  const { code, status, native, syscall, handle } = cause;
  return new HandleError(
    `Cannot take fd ${handle} of ${showProcess(from)}: operation not permitted (${code}, ` +
      `${status}, ${native}); ${permissionAdvice(from.pid)}`,
    { code, status, native, syscall, handle, cause },
  );
}

function cannotGive(raw: number, to: ProcessReference): Error {
  return failure("ENOTSUP", "pidfd_getfd", {
    message: `Cannot give fd ${raw} to ${showProcess(to)}: Linux puts no descriptor into another ` +
      "process without its help; use a channel, name it in spawn(), or let that process take() it",
    handle: raw,
  });
}

function cannotClose(raw: number, from: ProcessReference): Error {
  return failure("ENOTSUP", "close", {
    message: `Cannot close fd ${raw} of ${showProcess(from)}: on Linux only that process can; ` +
      "ask it to, for instance over a channel",
    handle: raw,
  });
}
