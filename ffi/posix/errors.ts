/** Makes the error for a POSIX call that failed, with advice that fits the failure. */
import { failureByErrno } from "../codes.ts";
import { type HandleError, systemError } from "../error.ts";
import { scratch } from "../scratch.ts";
import { F_GETFD, RLIMIT_NOFILE } from "./constants.ts";
import { libc } from "./libc.ts";

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
  const advice = failed.code in adviceByCode ? adviceByCode[failed.code]?.() : undefined;
  return systemError(
    failed,
    syscall,
    what ?? (fd === undefined ? "(no descriptor)" : `fd ${fd}`),
    advice ?? `see ${syscall} in section 2 of the manual`,
    fd,
  );
}

const adviceByCode: Readonly<Record<string, () => string>> = {
  EBADF: () =>
    "it is closed or was never open: check how it was opened, and that only its owner closes it",
  EACCES: () =>
    "the source or the process lacks the right: open the source with that access, or run as a user who has it",
  EPERM: () => "the process lacks the privilege: run as a user who has it",
  EMFILE: () => {
    const limit = descriptorLimit();
    return `${countDescriptors(limit)} of the limit of ${limit} descriptors are open: ` +
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

function descriptorLimit(): number {
  const { address, data } = scratch();
  if (libc().getrlimit(RLIMIT_NOFILE, address) === -1) return 0;
  return Number(data.getBigUint64(0, true));
}

/** Asks for each number: with no descriptor left, nothing can be opened that lists them. */
function countDescriptors(limit: number): number {
  const { fcntl } = libc();
  let open = 0;
  for (let fd = 0; fd < limit; fd++) if (fcntl(fd, F_GETFD, 0) !== -1) open++;
  return open;
}
