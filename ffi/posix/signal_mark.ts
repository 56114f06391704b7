/**
 * Finds the descriptors that share an open file on Linux, by marking the open file with F_SETSIG of
 * fcntl(2). The signal number belongs to the open file, so every duplicate shows it at once. It has no
 * effect, because the kernel sends the signal only when O_ASYNC is set.
 */
import { osName } from "../host.ts";
import { libc } from "./libc.ts";

/** fcntl.h of Linux. */
const F_SETSIG = 10;
const F_GETSIG = 11;

/**
 * Two real-time signals. A descriptor shares the open file when both appear at it one after the other.
 */
const MARKS = [61, 62];

/**
 * The descriptors that share the open file of one, lowest first. On systems without F_SETSIG there are
 * none. Each number in the range is tried; numbers that are not open are skipped.
 *
 * @param fd the descriptor whose open file is marked during the call
 * @param from the lowest number to try
 * @param below one more than the highest number to try
 */
export function sharersBySignal(fd: number, from: number, below: number): number[] {
  const { fcntl } = libc();
  const before = osName() === "linux" ? fcntl(fd, F_GETSIG, 0) : -1;
  if (before === -1) return [];
  let shared = Array.from({ length: below - from }, (_, at) => at + from);
  for (const mark of MARKS) {
    fcntl(fd, F_SETSIG, mark);
    shared = shared.filter((number) => fcntl(number, F_GETSIG, 0) === mark);
  }
  fcntl(fd, F_SETSIG, before);
  return shared;
}
