/** How often the service manager wants to hear of this process: sd_watchdog_enabled(3). */
import { show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { readVariable } from "../util/environment.ts";

const INTERVAL = "WATCHDOG_USEC";
const PID = "WATCHDOG_PID";

/** Microseconds in a millisecond. */
const MICROSECONDS = 1000;

/**
 * How often the service manager expects `notify("WATCHDOG=1")`: `WatchdogSec=` of the service. When it does not
 * come in time, the manager ends the service; half of the interval is the usual pace.
 *
 * Deno needs `--allow-env=WATCHDOG_USEC,WATCHDOG_PID`.
 *
 * @returns the interval in milliseconds; `undefined` when the manager expects nothing, or expects it of another
 * process
 * @throws {HandleError} `EINVAL` when a variable is malformed; `EACCES` when Deno does not permit to read it
 * @see https://man7.org/linux/man-pages/man3/sd_watchdog_enabled.3.html
 *
 * @example
 * ```ts
 * import { notify, watchdogInterval } from "duphandle";
 *
 * const interval = watchdogInterval();
 * const alive = () => {
 *   try {
 *     notify("WATCHDOG=1");
 *   } catch {
 *     // The queue of the manager is full: the next one gets through.
 *   }
 * };
 * if (interval !== undefined) setInterval(alive, interval / 4).unref();
 * ```
 */
export function watchdogInterval(): number | undefined {
  const interval = readNumber(INTERVAL);
  const pid = readNumber(PID);
  if (interval === undefined || (pid !== undefined && pid !== ownPid())) return undefined;
  return interval / MICROSECONDS;
}

function readNumber(name: string): number | undefined {
  const value = readVariable(name);
  if (value === undefined) return undefined;
  const number = /^[1-9]\d*$/.test(value) ? Number(value) : Infinity;
  if (number <= Number.MAX_SAFE_INTEGER) return number;
  throw failure("EINVAL", "sd_watchdog_enabled", {
    message: `Cannot read ${name}: it must be a positive integer, and it is ${show(value)}; ` +
      "see sd_watchdog_enabled in section 3 of the manual",
  });
}
