// A command-line program of this kind: what it is called, what it says, how it is stopped, how it ends.

const interruption = new AbortController();
let label = "";

/** Aborts at SIGINT, SIGTERM or SIGHUP: every command is killed, and `await using` tidies up. */
export const interrupted: AbortSignal = interruption.signal;

/** Makes signals go through {@link interrupted}, so that a run that is stopped tidies up as well. */
export function catchSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => interruption.abort(new Error(`stopped by ${signal}`)));
  }
}

/** Runs the program that this process is. Its name stands before all that it says. */
export async function program(name: string, main: () => Promise<number>): Promise<void> {
  label = name;
  try {
    process.exitCode = await main();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

/** Says what is going on, on standard error: standard output belongs to the programs. */
export function say(message: string): void {
  process.stderr.write(`${label}: ${message}\n`);
}

/** Says what begins, and afterwards how long it took. */
export async function timed(message: string, work: () => Promise<void>): Promise<void> {
  const started = Date.now();
  say(message);
  await work();
  say(`done after ${secondsSince(started)} s`);
}

/** Whole seconds since a time that `Date.now()` gave. */
export function secondsSince(started: number): number {
  return Math.round((Date.now() - started) / 1000);
}
