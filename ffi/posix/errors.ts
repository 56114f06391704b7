/** Makes the error for a POSIX call that failed, with advice for that failure. */
import { failureByErrno, type HandleError, systemError } from "../error.ts";
import { descriptorLimit, openBelow, raiseAdvice, systemFiles } from "./limit.ts";

/**
 * Makes the error for a call that returned −1. The caller must read `errno` immediately after the call,
 * because any later code may change it.
 *
 * @param subject the object of the call in words, when it is not the descriptor
 */
export function posixError(
  errno: number,
  syscall: string,
  fd: number | undefined,
  subject?: string,
): HandleError {
  const failed = failureByErrno(errno);
  const advice = adviceByCall[`${syscall} ${failed.code}`] ?? adviceByCode[failed.code];
  return systemError(
    failed,
    syscall,
    subject ?? (fd === undefined ? "(no descriptor)" : `fd ${fd}`),
    advice?.() ?? `see ${syscall} in section 2 of the manual`,
    fd,
  );
}

/** The advice for failures that have a special meaning for one call. */
const adviceByCall: Readonly<Record<string, () => string>> = {
  "pidfd_open EINVAL": () =>
    "the pid must be that of a process, not of a thread, and the flags must be known",
  "pidfd_getfd EBADF": () => "that process has no such descriptor: list its /proc/PID/fd",
  "prctl EINVAL": () => "the kernel does not know the option or was built without it",
  "dup2 EBADF": sourceOrTarget,
  "dup3 EBADF": sourceOrTarget,
  "dup2 EBUSY": targetIsOpening,
  "dup3 EBUSY": targetIsOpening,
  "dup3 EINVAL": () => "the numbers are equal, or a flag is unknown: name another target",
  "fcntl EINVAL": () =>
    "a number is not below the limit (ulimit -n), or a flag is unknown: take a lower number",
  "read EBADF": () => "it is closed, or it is not open for reading: check how it was opened",
  "write EBADF": () => "it is closed, or it is not open for writing: check how it was opened",
  // close(2) reports failures of earlier writes. It frees the number in any case.
  "close EIO": () => `${LOST}: check the device`,
  "close ENOSPC": () => `${LOST}: free space and write again`,
  "close EDQUOT": () => `${LOST}: free space and write again`,
  "read EIO": () => "it is still open: check the device, or whether the terminal still exists",
  "write EIO": () => "it is still open, and what was written before may be lost: check the device",
  "write ENOSPC": () => "it is still open: free space and write again",
  "write EDQUOT": () => "it is still open: free space or raise the quota, and write again",
  "sendmsg EBADF": () =>
    "the socket, or a descriptor in its control data, is closed or was never open: check how each was opened",
  "accept4 EAGAIN": () => "no connection waits: call again when poll() reports POLLIN",
  "accept4 EINVAL": () => "it does not listen, or a flag is unknown: call listen() first",
  "connect EINPROGRESS": () =>
    "it takes time: wait for POLLOUT by poll(), and then read the option SO_ERROR",
  "connect EAGAIN": () => "the listener has as many waiting connections as it wants: try again",
  "bind EINVAL": () => "it has an address already, or the address is not of its family",
  "bind EACCES": () =>
    "the process lacks the right: use a port from 1024 on or a folder that it may write, or run as a user who has it",
  "connect EACCES": () =>
    "the process may not write to the path: connect as a user who may, or change its mode",
  "open ENOSPC": () => "there is no space for a new file: free space",
  "open EDQUOT": () => "there is no space for a new file: free space or raise the quota",
};

const LOST = "data may be lost, and the handle is closed all the same";

const adviceByCode: Readonly<Record<string, () => string>> = {
  EBADF: () =>
    "it is closed or was never open: check how it was opened, and that only its owner closes it",
  EACCES: () =>
    "the source or the process lacks the right: open the source with that access, or run as a user who has it",
  EPERM: () => "the process lacks the privilege: run as a user who has it",
  ESRCH: () => "the process has ended or never existed: check the pid",
  ENOSYS: () =>
    "the kernel is too old for it, or a container forbids it: use a newer kernel, or have the " +
    "container's filter of system calls allow it",
  ENOENT: () => "check the path",
  EADDRINUSE: () => "another socket has this address: close it, or use another path or port",
  EADDRNOTAVAIL: () => "this machine does not have this address: use one that it has",
  EAFNOSUPPORT: () => "the system has no such family, or it is another than the socket's",
  ENOTSOCK: () => "it is another kind of file: check where the number comes from",
  ENOTCONN: () => "it is not connected: connect it, or its peer has reset the connection",
  ECONNRESET: () => "the peer has ended or closed it with unread bytes: connect again",
  EPIPE: () => "nothing more can be sent: the peer has closed its end",
  ECONNREFUSED: () => "no process listens there any more: start the one that does",
  EMFILE: () => {
    const limit = descriptorLimit();
    const figures = limit === undefined
      ? ""
      : `${openBelow(limit).length} of the limit of ${limit} descriptors are open: `;
    return `${figures}close what is not needed, ${raiseAdvice()}, or use DescriptorPool`;
  },
  ENFILE: () => {
    const files = systemFiles();
    const figures = files === undefined
      ? "the limit of the whole system is reached"
      : `${files.open} of the limit of ${files.limit} open files of the whole system are open`;
    // Parked files of a pool have no descriptor, but they are open files.
    return `${figures} (fs.file-max): close what is not needed, or have the limit raised; ` +
      "files of a DescriptorPool count too";
  },
  EINTR: () => "nothing was done: call again",
  EAGAIN: () => "the descriptor is non-blocking (O_NONBLOCK): call again when it is ready",
  EIO: () => "check the device",
  ENOSPC: () => "free space and call again",
  EDQUOT: () => "free space or raise the quota, and call again",
};

function targetIsOpening(): string {
  return "another thread is opening the target at this moment: call again";
}

/** The kernel reports the same error for both. */
function sourceOrTarget(): string {
  const limit = descriptorLimit();
  const below = limit === undefined ? "the limit" : `the limit of ${limit}`;
  return "the source is closed or was never open: check how it was opened; or the target is not " +
    `below ${below} (ulimit -n): take a lower number`;
}
