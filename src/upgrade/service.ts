/** What the service manager knows of the generations: which process is the service, and what it is doing. */
import { hasCode } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { notify } from "../systemd/notify.ts";

/** How often a message is sent while the queue of the manager is full, and the pause in between, in milliseconds. */
const ATTEMPTS = 100;
const PAUSE_MS = 10;

/** The variables that are for the process with the pid in the first of them. */
const OF_ONE_PROCESS = [["WATCHDOG_PID"], ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]] as const;

/**
 * Says that this process is the service, and serves.
 *
 * @throws {HandleError} what `notify` throws
 */
export function reportReady(): void {
  notify(ready(ownPid()));
}

/**
 * Says that a newer process is being started.
 *
 * @throws {HandleError} what `notify` throws; `EAGAIN` when the queue of the manager was full for a second
 */
export async function reportReloading(): Promise<void> {
  await notifyInTime("RELOADING=1");
}

/**
 * Says which process is the service. The manager listens to the one that is it until then, so that one says it.
 *
 * @throws {HandleError} as {@linkcode reportReloading}
 */
export async function reportMain(pid: number): Promise<void> {
  await notifyInTime(ready(pid));
}

/**
 * Removes what the service manager has passed to this process alone. `WATCHDOG_USEC` stays, since the newer process is
 * the one that is watched.
 */
export function withoutOwn(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const next = { ...env };
  for (const names of OF_ONE_PROCESS) {
    const isOwn = next[names[0]] === `${ownPid()}`;
    if (isOwn) names.forEach((name) => delete next[name]);
  }
  return next;
}

function ready(pid: number): string {
  return `READY=1\nMAINPID=${pid}`;
}

async function notifyInTime(state: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      notify(state);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !hasCode(error, "EAGAIN")) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
