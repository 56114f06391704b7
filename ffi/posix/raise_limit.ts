/** setrlimit(2) for the number of descriptors. */
import type { Calls } from "../backend/types.ts";
import { osName } from "../host.ts";
import { loadLibrary } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import * as darwin from "./symbols/darwin.ts";
import * as linux from "./symbols/linux.ts";
import { RLIMIT_NOFILE } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/**
 * OPEN_MAX of macOS, which refuses a higher limit of descriptors even when the hard limit is unlimited.
 */
const DARWIN_OPEN_MAX = 10_240n;

let loaded: Calls<typeof linux.limitSymbols> | undefined;

/**
 * Raises the soft limit of descriptors to the hard limit.
 *
 * @returns how many descriptors this process may have from now on
 */
export function raiseLimit(): number {
  const { errno, getrlimit } = libc();
  const { address, data } = scratch();
  if (getrlimit(RLIMIT_NOFILE, address) === -1) {
    throw posixError(errno[0]!, "getrlimit", undefined);
  }
  const soft = data.getBigUint64(0, true);
  const hard = data.getBigUint64(8, true);
  const isDarwin = osName() === "darwin";
  const wanted = isDarwin && hard > DARWIN_OPEN_MAX ? DARWIN_OPEN_MAX : hard;
  if (soft >= wanted) return Number(soft);
  data.setBigUint64(0, wanted, true);
  loaded ??= loadLibrary(isDarwin ? darwin.libraries : linux.libraries, linux.limitSymbols);
  if (loaded.setrlimit(RLIMIT_NOFILE, address) === -1) {
    throw posixError(errno[0]!, "setrlimit", undefined, `the limit of descriptors to ${wanted}`);
  }
  return Number(wanted);
}
