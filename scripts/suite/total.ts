/**
 * Prints which tests passed only when they were run once more, which tests and steps failed, then the
 * one total of all reports, alone on a line, and fails if anything failed.
 */
import { failures, show, total, unsteady } from "./reports.ts";

const wavering = unsteady();
if (wavering.length > 0) {
  console.log(`\nFailed, and passed when run once more:\n${indented(wavering)}`);
}
const failed = failures();
if (failed.length > 0) console.log(`\nFailed:\n${indented(failed)}`);
const sum = total();
console.log(`\n${show(sum)}`);
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
