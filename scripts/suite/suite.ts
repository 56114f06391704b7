/** The test suite in the runtimes of this machine, one after the other. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { add, type Counts, newReport, readRun, reportArguments, show } from "./reports.ts";
import { root, type Runtime } from "../runtimes.ts";

/** Where the suite runs, and what its reports are called. */
export interface Place {
  /** The folder of the tests. */
  readonly folder: string;
  /** What the reports are named after, before the runtime: `linux` of `linux-bun.json`. */
  readonly name: string;
  /** Environment variables beyond this process's. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the suite in each runtime, prints what each counted and the sum, and returns the sum. */
export function runSuite(
  { folder, name: place, env = {} }: Place,
  selected: readonly Runtime[],
  vitestArgs: readonly string[],
): Counts {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const lines: string[] = [];
  const sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, label, command } of selected) {
    console.log(`\n${label} on ${place}`);
    const report = newReport(`${place}-${name}`);
    const [executable, ...before] = name === "bun" ? [...command, "--bun"] : command;
    const outcome = spawnSync(executable as string, [
      ...[...before, vitest, "run"],
      ...["--reporter=dot", ...reportArguments(report)],
      ...vitestArgs,
    ], {
      cwd: folder,
      stdio: "inherit",
      env: { ...process.env, ...env, DUPHANDLE_TARGET: name },
    });
    const counts = readRun(report, outcome.status);
    lines.push(`  ${label.padEnd(20)} ${show(counts)}`);
    add(sum, counts);
  }
  console.log(`\n${lines.join("\n")}\n`);
  console.log(show(sum));
  return sum;
}
