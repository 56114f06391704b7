/** How many descriptors the process may have, and which it has, asked without needing one more. */
import { scratch } from "../backend/scratch.ts";
import { F_GETFD, RLIMIT_NOFILE } from "./constants.ts";
import { libc } from "./libc.ts";
import { textStart } from "./text_start.ts";

/** One more than the highest descriptor; `undefined` when `getrlimit` fails, with `errno` set. */
export function descriptorLimit(): number | undefined {
  const { address, data } = scratch();
  if (libc().getrlimit(RLIMIT_NOFILE, address) === -1) return undefined;
  return Number(data.getBigUint64(0, true));
}

/** The open descriptors below a number: each is asked for, since a list would have to be opened. */
export function openBelow(limit: number): number[] {
  const { fcntl } = libc();
  const open: number[] = [];
  for (let fd = 0; fd < limit; fd++) if (fcntl(fd, F_GETFD, 0) !== -1) open.push(fd);
  return open;
}

/** How many open files the whole system has, and how many it may have. */
export interface SystemFiles {
  readonly open: number;
  readonly limit: number;
}

/**
 * How many open files the whole system has; `undefined` where that cannot be read, as when not one
 * more may be opened.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_sys_fs.5.html
 */
export function systemFiles(): SystemFiles | undefined {
  try {
    const text = textStart("/proc/sys/fs/file-nr");
    if (typeof text !== "string") return undefined;
    const [, open, limit] = /^(\d+)\s+\d+\s+(\d+)/.exec(text) ?? [];
    return limit === undefined ? undefined : { open: Number(open), limit: Number(limit) };
  } catch {
    return undefined; // the functions for files are not bound yet, and cannot be now
  }
}
