/** Makes the error for a POSIX call that failed, with advice that fits the failure. */
import { failureByCode, failureByErrno } from "../codes.ts";
import { HandleError, systemError } from "../error.ts";
import { descriptorLimit, openBelow } from "./limit.ts";

/**
 * The error for a call that returned −1. The caller reads `errno` straight after the call, as an
 * argument, because everything that happens from here on may change it.
 *
 * @param what the call's object in words, when it is not the descriptor
 */
export function posixError(
  errno: number,
  syscall: string,
  fd: number | undefined,
  what?: string,
): HandleError {
  const failed = failureByErrno(errno);
  const advice = adviceByCall[`${syscall} ${failed.code}`] ?? adviceByCode[failed.code]?.();
  return systemError(
    failed,
    syscall,
    what ?? (fd === undefined ? "(no descriptor)" : `fd ${fd}`),
    advice ?? `see ${syscall} in section 2 of the manual`,
    fd,
  );
}

/** Where a call means something of its own by a failure. */
const adviceByCall: Readonly<Record<string, string>> = {
  "pidfd_open EINVAL": "a pid is that of a process, not of a thread, and the flags must be known",
  "pidfd_getfd EBADF": "that process has no such descriptor: list its /proc/PID/fd",
  "prctl EINVAL": "the kernel does not know the option or was built without it",
};

const adviceByCode: Readonly<Record<string, () => string>> = {
  EBADF: () =>
    "it is closed or was never open: check how it was opened, and that only its owner closes it",
  EACCES: () =>
    "the source or the process lacks the right: open the source with that access, or run as a user who has it",
  EPERM: () => "the process lacks the privilege: run as a user who has it",
  ESRCH: () => "the process has ended or never was: check the pid",
  ENOSYS: () => "the kernel is too old for it, or a container forbids it",
  EMFILE: () => {
    const limit = descriptorLimit() ?? 0;
    return `${openBelow(limit).length} of the limit of ${limit} descriptors are open: ` +
      "close what is not needed, or raise the limit (ulimit -n)";
  },
  ENFILE: () => "the limit of the whole system is reached (fs.file-max): close what is not needed",
  EINVAL: () =>
    "the descriptors are equal, a flag is unknown, or a number is not below the limit (ulimit -n)",
  EBUSY: () => "another thread was just opening the target: call again",
  EINTR: () => "nothing was done: call again",
  EAGAIN: () => "the descriptor is non-blocking (O_NONBLOCK): call again when it is ready",
  EIO: () => "the handle is closed all the same: check the device",
  ENOSPC: () => "the handle is closed all the same: free space and write again",
  EDQUOT: () => "the handle is closed all the same: free space and write again",
};

/**
 * The error for what the runtime's own `node:fs` or `Deno` reported of a call on a path, in the
 * words of the system's.
 */
export function runtimeError(cause: unknown, syscall: string, path: string): HandleError {
  const { code } = cause as { code?: unknown };
  const { native } = failureByCode(typeof code === "string" ? code : "EIO");
  const { message, ...fields } = posixError(native, syscall, undefined, path);
  return new HandleError(message, { ...fields, cause });
}
