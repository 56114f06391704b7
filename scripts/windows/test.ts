// Runs the test suite in the Windows builds of Deno, Bun and Node, under Wine:
//
//   node scripts/windows/test.ts [--runtime=deno|bun|node …] [--minutes=15] [-- vitest arguments]
//
// A report of each goes to reports/windows-<runtime>.json.

import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { catchSignals, say } from "./host.ts";
import { RUNTIMES } from "./runtimes.ts";
import type { Runtime } from "./runtimes.ts";
import { openWindows, REPO } from "./wine.ts";
import type { Windows } from "./wine.ts";

/** The counts of a vitest report. */
interface Report {
  numTotalTests: number;
  numPassedTests: number;
  numFailedTests: number;
  success: boolean;
}

/** Runs the suite in one runtime; returns what is wrong, or `undefined` when all is well. */
async function testIn(
  windows: Windows,
  runtime: Runtime,
  vitestArgs: readonly string[],
  timeoutMs: number,
): Promise<string | undefined> {
  const name = `windows-${runtime}.json`;
  const report = join(REPO, "reports", name);
  // A report of an earlier run must not pass for this one's.
  rmSync(report, { force: true });
  const { code, timedOut } = await windows.run(runtime, [
    ...["node_modules/vitest/vitest.mjs", "run", ...vitestArgs],
    // Deno's worker threads lack a call under Wine; what works for it is fine for all.
    "--pool=forks",
    ...["--reporter=default", "--reporter=json", `--outputFile.json=reports/${name}`],
  ], {
    // As scripts/test.ts does: the suite checks that it runs where it is meant to.
    env: { DUPHANDLE_TARGET: runtime },
    timeoutMs,
    onOutput: (text) => process.stdout.write(text),
  });
  if (timedOut) return `no end after ${timeoutMs / 60_000} minutes: it was killed`;
  const staged = join(windows.project, "reports", name);
  if (!existsSync(staged)) return `no report; vitest ended with code ${code}`;
  mkdirSync(join(REPO, "reports"), { recursive: true });
  copyFileSync(staged, report);
  const counts = JSON.parse(readFileSync(report, "utf8")) as Report;
  const summary = `${counts.numPassedTests} of ${counts.numTotalTests} tests passed`;
  if (counts.numTotalTests === 0) return "the report counts no tests";
  // With a filter they may well be: a file about POSIX alone.
  if (counts.numPassedTests === 0 && vitestArgs.length === 0) return "every test was skipped";
  if (code !== 0 || counts.numFailedTests > 0 || !counts.success) {
    return `${summary}; vitest ended with code ${code}`;
  }
  say(`${runtime}: ${summary}`);
  return undefined;
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { values } = parseArgs({
    args: args.slice(0, end),
    options: {
      runtime: { type: "string", multiple: true },
      minutes: { type: "string", default: "15" },
    },
  });
  const wanted = values.runtime ?? RUNTIMES;
  const unknown = wanted.find((name) => !RUNTIMES.some((runtime) => runtime === name));
  if (unknown !== undefined) throw new Error(`no runtime ${unknown}: use ${RUNTIMES.join(", ")}`);
  const timeoutMs = Number(values.minutes) * 60_000;
  if (!(timeoutMs > 0)) throw new Error(`--minutes=${values.minutes} is no number above 0`);
  if (process.platform === "win32") {
    return await handOver([...wanted.map((name) => `--runtime=${name}`), ...args.slice(end + 1)]);
  }

  catchSignals();
  await using windows = await openWindows();
  const failures: string[] = [];
  for (const runtime of RUNTIMES.filter((runtime) => wanted.includes(runtime))) {
    say(`the suite in ${runtime}`);
    const failure = await testIn(windows, runtime, args.slice(end + 1), timeoutMs);
    if (failure !== undefined) failures.push(`${runtime}: ${failure}`);
  }
  for (const failure of failures) say(`FAILED in ${failure}`);
  return failures.length > 0 ? 1 : 0;
}

/** This is Windows: the ordinary test run is the real thing. */
function handOver(args: readonly string[]): Promise<number> {
  say("this machine is Windows itself: running scripts/test.ts");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  spawn(process.execPath, [join(REPO, "scripts/test.ts"), ...args], { stdio: "inherit" })
    .on("error", reject).on("exit", (code) => resolve(code ?? 1));
  return promise;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
