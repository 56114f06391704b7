// The test suite in the three runtimes of a machine, and what it prints. Its options:
//
//   [--runtime=deno|bun|node …] [--minutes=…] [-- vitest arguments]
//
// A report of each goes to reports/<machine>-<runtime>.json.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { copyReport, newReport, readReport, reportArguments, show } from "../suite/reports.ts";
import { root } from "../runtimes.ts";
import { RUNTIMES } from "./machine.ts";
import type { Machine, Runtime } from "./machine.ts";
import { catchSignals, program, say, secondsSince } from "./program.ts";

/**
 * How often the suite is started when vitest's own process dies, and not a test: Deno for Windows may panic
 * when a worker hangs up just when it begins to read (tokio-rs/mio#1819).
 */
const ATTEMPTS = 3;

/** The machine to test in. */
export interface Suite {
  /** What it is called in messages and in the names of the reports. */
  readonly name: string;
  /** Minutes that one runtime may take when nothing else is said. */
  readonly minutes: number;
  /** Arguments of vitest that are this machine's own. */
  readonly vitestArgs: readonly string[];
  /** The tests that run when no arguments of vitest are given; by default all. */
  readonly files?: readonly string[];
  /** What the machine at hand is when it is the real thing: there nothing is emulated. */
  readonly real: string | undefined;
  open(): Promise<Machine>;
}

/** What the command line asks for. */
interface Wanted {
  runtimes: readonly Runtime[];
  timeoutMs: number;
  vitestArgs: readonly string[];
}

/** Runs the suite as the program that this process is. */
export function runSuite(suite: Suite): Promise<void> {
  return program(suite.name, async () => {
    const wanted = parse(process.argv.slice(2), suite);
    if (suite.real !== undefined) return await handOver(suite.real, wanted);
    catchSignals();
    await using machine = await suite.open();
    const failures: string[] = [];
    for (const runtime of wanted.runtimes) {
      const started = Date.now();
      say(`the suite in ${runtime}`);
      const failure = await testIn(suite, machine, runtime, wanted);
      if (failure !== undefined) failures.push(`${runtime}: ${failure}`);
      say(`${runtime} took ${secondsSince(started)} s`);
    }
    for (const failure of failures) say(`FAILED in ${failure}`);
    return failures.length > 0 ? 1 : 0;
  });
}

function parse(args: readonly string[], { minutes, files = [] }: Suite): Wanted {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { values } = parseArgs({
    args: args.slice(0, end),
    options: {
      runtime: { type: "string", multiple: true },
      minutes: { type: "string", default: String(minutes) },
    },
  });
  const names = values.runtime ?? RUNTIMES;
  const unknown = names.find((name) => !RUNTIMES.some((runtime) => runtime === name));
  if (unknown !== undefined) throw new Error(`no runtime ${unknown}: use ${RUNTIMES.join(", ")}`);
  const timeoutMs = Number(values.minutes) * 60_000;
  if (!(timeoutMs > 0)) throw new Error(`--minutes=${values.minutes} is no number above 0`);
  const vitestArgs = args.slice(end + 1);
  return {
    runtimes: RUNTIMES.filter((runtime) => names.includes(runtime)),
    timeoutMs,
    vitestArgs: vitestArgs.length > 0 ? vitestArgs : files,
  };
}

/** The ordinary test run is the real thing here. */
function handOver(real: string, { runtimes, vitestArgs }: Wanted): Promise<number> {
  say(`this machine is ${real} itself: running scripts/test.ts`);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const args = [...runtimes.map((name) => `--runtime=${name}`), ...vitestArgs];
  spawn(process.execPath, [join(root, "scripts/test.ts"), ...args], { stdio: "inherit" })
    .on("error", reject).on("exit", (code) => resolve(code ?? 1));
  return promise;
}

/** Runs the suite in one runtime; returns what is wrong, or `undefined` when all is well. */
async function testIn(
  suite: Suite,
  machine: Machine,
  runtime: Runtime,
  { timeoutMs, vitestArgs }: Wanted,
): Promise<string | undefined> {
  const target = `${suite.name}-${runtime}`;
  const report = newReport(target);
  const staged = join(machine.project, "reports", `${target}.json`);
  const run = () =>
    machine.run(runtime, [
      ...["node_modules/vitest/vitest.mjs", "run", ...suite.vitestArgs],
      ...[...reportArguments(`reports/${target}.json`), ...vitestArgs],
    ], {
      // As scripts/test.ts does: the suite checks that it runs where it is meant to.
      env: { DUPHANDLE_TARGET: runtime },
      timeoutMs,
    });
  let { code, timedOut } = await run();
  for (let more = ATTEMPTS - 1; more > 0 && !timedOut && !existsSync(staged); more--) {
    say(`${runtime} itself ended with code ${code} and left no report: once more`);
    ({ code, timedOut } = await run());
  }
  if (timedOut) return `no end after ${timeoutMs / 60_000} minutes: it was killed`;
  if (!existsSync(staged)) return `no report; vitest ended with code ${code}`;
  copyReport(staged, report);
  const counts = readReport(report);
  const nothingRan = code === 0 && counts.passed === 0;
  if (nothingRan && counts.skipped === 0) return "the report counts no tests";
  // With a filter they may well be: a file about another system alone.
  if (nothingRan && vitestArgs.length === 0) return "every test was skipped";
  if (!nothingRan && (code !== 0 || counts.failed > 0)) {
    return `${show(counts)}; vitest ended with code ${code}`;
  }
  say(`${runtime}: ${show({ ...counts, failed: 0 })}`);
  return undefined;
}
