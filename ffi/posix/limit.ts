/** How many descriptors the process may have, and which it has, asked without needing one more. */
import { scratch } from "../scratch.ts";
import { F_GETFD, RLIMIT_NOFILE } from "./constants.ts";
import { libc } from "./libc.ts";

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
