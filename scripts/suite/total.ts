/**
 * Prints which tests and steps failed, then the one total of all reports, alone on a line, and fails
 * if anything failed.
 */
import { failures, show, total } from "./reports.ts";

const failed = failures();
if (failed.length > 0) console.log(`\nFailed:\n${failed.map((line) => `  ${line}`).join("\n")}`);
const sum = total();
console.log(`\n${show(sum)}`);
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;
