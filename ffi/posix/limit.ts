/** How many descriptors the process may have, and which are open, found without opening another. */
import { scratch } from "../backend/scratch.ts";
import { osName } from "../host.ts";
import { F_GETFD, RLIMIT_NOFILE } from "./constants.ts";
import { libc, textStart } from "./libc.ts";

/**
 * One more than the highest possible descriptor; `undefined` when `getrlimit` fails, with `errno` set.
 */
export function descriptorLimit(): number | undefined {
  const soft = descriptorLimits()?.soft;
  return soft === undefined ? undefined : Number(soft);
}

/**
 * OPEN_MAX of macOS, which refuses a higher limit of descriptors even when the hard limit is unlimited.
 */
const DARWIN_OPEN_MAX = 10_240n;

/** The limit of descriptors, and how far it can be raised without privileges. */
export interface DescriptorLimits {
  readonly soft: bigint;
  readonly highest: bigint;
}

/** The limits of descriptors; `undefined` when `getrlimit` fails, with `errno` set. */
export function descriptorLimits(): DescriptorLimits | undefined {
  const { address, data } = scratch();
  if (libc().getrlimit(RLIMIT_NOFILE, address) === -1) return undefined;
  const [soft, hard] = [data.getBigUint64(0, true), data.getBigUint64(8, true)];
  const isBeyond = osName() === "darwin" && hard > DARWIN_OPEN_MAX;
  return { soft, highest: isBeyond ? DARWIN_OPEN_MAX : hard };
}

/** How the limit of descriptors can be raised as it is now: the end of a sentence that begins with "or". */
export function raiseAdvice(): string {
  const limits = descriptorLimits();
  return limits !== undefined && limits.soft < limits.highest
    ? `raise the limit to ${limits.highest} by raiseDescriptorLimit()`
    : "have root raise the limit before the start (ulimit -n, LimitNOFILE= of systemd)";
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
