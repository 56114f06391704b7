/** The clocks of the system: clock_gettime(2). */
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";
import { clockSymbols, libraries } from "./symbols/linux.ts";

/** time.h of Linux: it begins at some time, and is never set. */
const CLOCK_MONOTONIC = 1;

let loaded: Calls<typeof clockSymbols> | undefined;

/** The time of `CLOCK_MONOTONIC` in microseconds, on Linux. Runtimes have clocks with other beginnings. */
export function monotonicMicroseconds(): number {
  loaded ??= loadLibrary(libraries, clockSymbols);
  const { address, data } = scratch();
  const { errno } = libc();
  if (loaded.clock_gettime(CLOCK_MONOTONIC, address) === -1) {
    throw posixError(errno[0]!, "clock_gettime", undefined, "CLOCK_MONOTONIC");
  }
  // struct timespec: seconds and nanoseconds, of 64 bits each
  const seconds = data.getUint32(0, true) + data.getUint32(4, true) * 2 ** 32;
  return seconds * 1_000_000 + Math.floor(data.getUint32(8, true) / 1000);
}
