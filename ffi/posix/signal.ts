/** Signals to a process that is known by a descriptor, on Linux: pidfd_send_signal(2). */
import { hasCode } from "../error.ts";
import { posixError } from "./errors.ts";
import { callNumbers, kernel, libc } from "./libc.ts";

/** signal.h: the request to end, and the end. */
export const signals = { SIGTERM: 15, SIGKILL: 9 } as const;

/**
 * Sends a signal to a process. Unlike a pid, the descriptor never leads to another process.
 *
 * @param pidfd of pidfd_open(2)
 * @returns `false` when the process has ended
 * @throws {HandleError} `EPERM` when it is another user's by now
 */
export function sendSignal(pidfd: number, signal: number): boolean {
  const { syscall } = kernel("pidfd_send_signal");
  const { errno } = libc();
  if (syscall(callNumbers().pidfd_send_signal, pidfd, signal, 0, 0, 0) !== -1) return true;
  const error = posixError(errno[0]!, "pidfd_send_signal", pidfd);
  if (hasCode(error, "ESRCH")) return false;
  throw error;
}
