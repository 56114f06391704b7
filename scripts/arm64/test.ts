// Runs the test suite in the arm64 Linux builds of Deno, Bun and Node, under qemu:
//
//   node scripts/arm64/test.ts [--runtime=deno|bun|node …] [--minutes=20] [-- vitest arguments]
//
// A report of each goes to reports/arm64-<runtime>.json.

import { spawn } from "node:child_process";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { newReport, readReport, show } from "../reports.ts";
import { root } from "../runtimes.ts";
import { catchSignals } from "../windows/host.ts";
import { RUNTIMES } from "../windows/runtimes.ts";
import type { Runtime } from "../windows/runtimes.ts";
import { openArm64 } from "./arm64.ts";
import type { Arm64 } from "./arm64.ts";
import { say } from "./runtimes.ts";

/** A test that cannot work under the emulator: in which runtime, its name, and why. */
interface Exclusion {
  readonly runtime: Runtime;
  readonly test: string;
  readonly reason: string;
}

const EXCLUSIONS: readonly Exclusion[] = [
  {
    runtime: "deno",
    test: "of them run, and leave nothing open",
    reason: "Deno opens a pair of sockets half a second after its start, which here is midway",
  },
  {
    runtime: "bun",
    test: "never reaches the system",
    reason: "strace also sees the page faults of the emulator, when JavaScriptCore writes code",
  },
];

/** Runs the suite in one runtime; returns what is wrong, or `undefined` when all is well. */
async function testIn(
  machine: Arm64,
  runtime: Runtime,
  vitestArgs: readonly string[],
  timeoutMs: number,
): Promise<string | undefined> {
  const target = `arm64-${runtime}`;
  const report = newReport(target);
  // A pattern of the caller's own names what to run, and vitest takes only one.
  const chosen = vitestArgs.some((arg) => /^(-t|--testNamePattern)\b/.test(arg));
  const excluded = EXCLUSIONS.filter((exclusion) => !chosen && exclusion.runtime === runtime);
  for (const { test, reason } of excluded) say(`without "${test}": ${reason}`);
  const names = excluded.map(({ test }) => test).join("|");
  const { code, timedOut } = await machine.run(
    runtime,
    [
      ...["node_modules/vitest/vitest.mjs", "run", "--reporter=dot", "--reporter=json"],
      `--outputFile.json=reports/${target}.json`,
      ...(excluded.length === 0 ? [] : [`--testNamePattern=^(?!.*(?:${names}))`]),
      ...vitestArgs,
    ],
    // As scripts/test.ts does: the suite checks that it runs where it is meant to.
    { DUPHANDLE_TARGET: runtime },
    timeoutMs,
  );
  if (timedOut) return `no end after ${timeoutMs / 60_000} minutes: it was killed`;
  const staged = join(machine.project, "reports", `${target}.json`);
  if (!existsSync(staged)) return `no report; vitest ended with code ${code}`;
  copyFileSync(staged, report);
  const counts = readReport(report);
  if (code !== 0 || counts.failed > 0) return `${show(counts)}; vitest ended with code ${code}`;
  say(`${runtime}: ${show(counts)}`);
  return undefined;
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { values } = parseArgs({
    args: args.slice(0, end),
    options: {
      runtime: { type: "string", multiple: true },
      minutes: { type: "string", default: "20" },
    },
  });
  const wanted = values.runtime ?? RUNTIMES;
  const unknown = wanted.find((name) => !RUNTIMES.some((runtime) => runtime === name));
  if (unknown !== undefined) throw new Error(`no runtime ${unknown}: use ${RUNTIMES.join(", ")}`);
  const timeoutMs = Number(values.minutes) * 60_000;
  if (!(timeoutMs > 0)) throw new Error(`--minutes=${values.minutes} is no number above 0`);
  if (process.platform !== "linux") {
    throw new Error("this needs Linux: the emulator runs there only");
  }
  if (process.arch === "arm64") {
    return await handOver([...wanted.map((name) => `--runtime=${name}`), ...args.slice(end + 1)]);
  }

  catchSignals();
  await using machine = await openArm64();
  const failures: string[] = [];
  for (const runtime of RUNTIMES.filter((runtime) => wanted.includes(runtime))) {
    const started = Date.now();
    say(`the suite in ${runtime}`);
    const failure = await testIn(machine, runtime, args.slice(end + 1), timeoutMs);
    if (failure !== undefined) failures.push(`${runtime}: ${failure}`);
    say(`${runtime} took ${Math.round((Date.now() - started) / 1000)} s`);
  }
  for (const failure of failures) say(`FAILED in ${failure}`);
  return failures.length > 0 ? 1 : 0;
}

/** This is arm64: the ordinary test run is the real thing. */
function handOver(args: readonly string[]): Promise<number> {
  say("this machine is arm64 itself: running scripts/test.ts");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  spawn(process.execPath, [join(root, "scripts/test.ts"), ...args], { stdio: "inherit" })
    .on("error", reject).on("exit", (code) => resolve(code ?? 1));
  return promise;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
