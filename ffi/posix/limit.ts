/** How many descriptors the process may have, and which are open, found without opening another. */
import { scratch } from "../backend/scratch.ts";
import { F_GETFD, RLIMIT_NOFILE } from "./constants.ts";
import { libc } from "./libc.ts";
import { textStart } from "./text_start.ts";

/**
 * One more than the highest possible descriptor; `undefined` when `getrlimit` fails, with `errno` set.
 */
export function descriptorLimit(): number | undefined {
  const { address, data } = scratch();
  if (libc().getrlimit(RLIMIT_NOFILE, address) === -1) return undefined;
  return Number(data.getBigUint64(0, true));
}

/**
 * The open descriptors below a number. Each number is tried, since reading /proc takes a descriptor.
 */
export function openBelow(limit: number): number[] {
  const { fcntl } = libc();
  const open: number[] = [];
  for (let fd = 0; fd < limit; fd++) if (fcntl(fd, F_GETFD, 0) !== -1) open.push(fd);
  return open;
}

/** The count and the limit of open files in the whole system. */
export interface SystemFiles {
  readonly open: number;
  readonly limit: number;
}

/**
 * Reads how many open files the whole system has; `undefined` when that cannot be read, as when no more
 * files can be opened.
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
    return undefined; // the functions for files are not bound yet and cannot be bound now
  }
}
