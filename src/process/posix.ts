/** Other processes on Linux: a process is a pidfd, and a handle is taken with pidfd_getfd(2). */
import { checkFd } from "../../ffi/check.ts";
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import { POLLIN, PR_SET_PTRACER } from "../../ffi/posix/constants.ts";
import { procText } from "../../ffi/posix/proc.ts";
import { pidfd_getfd, pidfd_open, prctl } from "../../ffi/posix/process.ts";
import { poll } from "../../ffi/posix/socket.ts";
import { MINIMUM, movePosix } from "../handle/posix.ts";
import { ended, type ProcessPlatform, type ProcessReference, showProcess } from "./types.ts";
import { ptraceScope, whatWouldHelp } from "./ptrace.ts";

/** Other processes on Linux. */
export const posixProcesses: ProcessPlatform = {
  open: (pid) => pidfd_open(pid, 0),
  current: () => pidfd_open(pid(), 0),
  checkProcess: (raw) => checkFd(raw, "a process"),
  pidOf(raw) {
    const told = toldPid(`fdinfo/${raw}`);
    if (told === undefined) return undefined;
    const mine = toldPid("status");
    if (told === mine) return pid();
    // A /proc of another pid namespace numbers processes differently.
    return mine === pid() ? told : undefined;
  },
  checkGive(raw, to) {
    throw cannotGive(raw, to);
  },
  take(raw, from, inheritable, closeSource) {
    if (closeSource) throw cannotClose(raw, from);
    return settle(getfd(raw, from), inheritable);
  },
  give(raw, to) {
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
      // Without Yama nothing but the user decides, so there is nothing to allow.
      if (ptraceScope() === undefined) return;
      throw ended({ raw: -1, pid }, error);
    }
  },
};

/** The pid that a file about this process or about a pidfd of its tells; 0 and −1 are nobody's. */
function toldPid(file: string): number | undefined {
  const told = procText(`/proc/self/${file}`)?.match(/^Pid:\t([1-9]\d*)$/m)?.[1];
  return told === undefined ? undefined : Number(told);
}

function getfd(raw: number, from: ProcessReference): number {
  try {
    return pidfd_getfd(from.raw, raw, 0);
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    // Kernels before 6.8 say EBADF of a process that has ended and is not yet waited for.
    const isOver = error.code === "ESRCH" || (error.code === "EBADF" && hasEnded(from.raw));
    if (isOver) throw ended(from, error);
    if (error.code === "EPERM") throw notPermitted(error, from);
    throw error;
  }
}

/** What was taken has the lowest free number and is closed on exec; makes it as wanted. */
function settle(taken: number, inheritable: boolean): number {
  return taken >= MINIMUM && !inheritable ? taken : movePosix(taken, inheritable);
}

function hasEnded(pidfd: number): boolean {
  try {
    return poll([{ fd: pidfd, events: POLLIN }], 0) === 1;
  } catch {
    return false; // the first error tells what is wrong
  }
}

function notPermitted(cause: HandleError, from: ProcessReference): HandleError {
  const { code, status, native, syscall, handle } = cause;
  return new HandleError(
    `Cannot take fd ${handle} of ${showProcess(from)}: operation not permitted (${code}, ` +
      `${status}, ${native}); ${whatWouldHelp(from.pid)}`,
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
