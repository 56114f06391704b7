/** Prints the one total of all reports, alone on a line, and fails if anything failed. */
import { show, total } from "./reports.ts";

const sum = total();
console.log(`\n${show(sum)}`);
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;
