/**
 * Runs the test suite on this machine's own system, in every runtime:
 * `npm test -- [--runtime=deno|bun|node|node20] [vitest arguments]`.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { newReport, readReport, show } from "./reports.ts";
import { root, selectRuntimes } from "./runtimes.ts";

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const { selected, rest } = selectRuntimes(process.argv.slice(2));
const lines: string[] = [];
const sum = { passed: 0, failed: 0, skipped: 0 };

for (const { name, label, command } of selected) {
  console.log(`\n${label} on ${process.platform}`);
  const report = newReport(`${process.platform}-${name}`);
  const [executable, ...before] = name === "bun" ? [...command, "--bun"] : command;
  const outcome = spawnSync(executable as string, [
    ...before,
    vitest,
    "run",
    "--reporter=dot",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...rest,
  ], { cwd: root, stdio: "inherit", env: { ...process.env, DUPHANDLE_TARGET: name } });
  const counts = readReport(report);
  if (outcome.status !== 0 && counts.failed === 0) counts.failed = 1;
  lines.push(`  ${label.padEnd(20)} ${show(counts)}`);
  sum.passed += counts.passed;
  sum.failed += counts.failed;
  sum.skipped += counts.skipped;
}

console.log(`\n${lines.join("\n")}\n`);
console.log(show(sum));
process.exitCode = sum.failed === 0 ? 0 : 1;
