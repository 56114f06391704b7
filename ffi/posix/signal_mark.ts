/**
 * Telling the descriptors of one open file on Linux by a mark that one of them gives it: the signal
 * of fcntl(2). It belongs to the open file, is seen at once, and does nothing, because a signal is
 * sent only where O_ASYNC is set.
 */
import { osName } from "../host.ts";
import { libc } from "./libc.ts";

/** fcntl.h of Linux. */
const F_SETSIG = 10;
const F_GETSIG = 11;

/** Two real-time signals, to be seen at one descriptor after they were set at another. */
const MARKS = [61, 62];

/**
 * The descriptors that share the open file of this one, lowest first; none where the system has no
 * such signal. Each number is asked for, with no error made for those that are not open.
 *
 * @param fd the descriptor whose open file is marked for the moment
 * @param from the lowest number to look at
 * @param below one more than the highest
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
