/** The reports that test runs leave behind, and the one total of them all. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";

/** The folder of the reports: one JSON file a target. */
export const reportFolder: string = join(root, "reports");

/** What a report counts. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A place for a target's report. What an earlier run left there is removed. */
export function newReport(target: string): string {
  mkdirSync(reportFolder, { recursive: true });
  const path = join(reportFolder, `${target}.json`);
  rmSync(path, { force: true });
  return path;
}

/** Reads what vitest's JSON reporter wrote. A run that left nothing, or ran no test, has failed. */
export function readReport(path: string): Counts {
  let report: Record<string, unknown>;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const count = (name: string) => Number(report[name] ?? 0);
  const passed = count("numPassedTests");
  const failed = count("numFailedTests");
  const skipped = count("numPendingTests") + count("numTodoTests");
  // A file that does not load has no test that could fail.
  const broken = failed === 0 && (report["success"] !== true || passed === 0);
  return { passed, failed: broken ? 1 : failed, skipped };
}

/** Reads the report of a run that ended with this status: a failure that no test shows is one all the same. */
export function readRun(path: string, status: number | null): Counts {
  const counts = readReport(path);
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** Adds what another report counts. */
export function add(sum: Counts, { passed, failed, skipped }: Counts): void {
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
}

/** The sum over every report in the folder. */
export function total(): Counts {
  const sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of readdirSync(reportFolder)) {
    add(sum, readReport(join(reportFolder, file)));
  }
  return sum;
}

/** The counts in one line, as CI reads them. */
export function show({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : "");
}
