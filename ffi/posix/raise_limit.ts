/** setrlimit(2) for the number of descriptors. */
import type { Calls } from "../backend/types.ts";
import { osName } from "../host.ts";
import { loadLibrary } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import * as darwin from "./symbols/darwin.ts";
import * as linux from "./symbols/linux.ts";
import { RLIMIT_NOFILE } from "./constants.ts";
import { posixError } from "./errors.ts";
import { descriptorLimits } from "./limit.ts";
import { libc } from "./libc.ts";

let loaded: Calls<typeof linux.limitSymbols> | undefined;

/**
 * Raises the soft limit of descriptors to the hard limit.
 *
 * @returns how many descriptors this process may have from now on
 */
export function raiseLimit(): number {
  const { errno } = libc();
  const limits = descriptorLimits();
  if (limits === undefined) throw posixError(errno[0]!, "getrlimit", undefined);
  const { soft, highest: wanted } = limits;
  if (soft >= wanted) return Number(soft);
  const { address, data } = scratch();
  data.setBigUint64(0, wanted, true); // the hard limit, which is behind it, stays
  const { libraries } = osName() === "darwin" ? darwin : linux;
  loaded ??= loadLibrary(libraries, linux.limitSymbols);
  if (loaded.setrlimit(RLIMIT_NOFILE, address) === -1) {
    throw posixError(errno[0]!, "setrlimit", undefined, `the limit of descriptors to ${wanted}`);
  }
  return Number(wanted);
}
