/** The reports that test runs leave behind, and the one total of them all. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";
import { type Note, notePath, NOTES } from "./notes.ts";

/** The folder of the reports: one JSON file a target. */
export const reportFolder: string = join(root, "reports");

/** Has vitest, which runs in the top folder, write a report, and beside it what the report does not say. */
export function reportArguments(path: string): string[] {
  const notes = "--reporter=./scripts/suite/notes.ts";
  return ["--reporter=json", `--outputFile.json=${path}`, notes];
}

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
  const old = [path, ...NOTES.map((note) => notePath(path, note))];
  for (const file of old) rmSync(file, { force: true });
  return path;
}

/** Takes a report from another place, with what is noted beside it. */
export function copyReport(from: string, to: string): void {
  copyFileSync(from, to);
  for (const note of NOTES) {
    if (existsSync(notePath(from, note))) copyFileSync(notePath(from, note), notePath(to, note));
  }
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
  for (const file of reportFiles()) add(sum, readReport(join(reportFolder, file)));
  return sum;
}

/**
 * What failed, a line each: the report's name, the test's, and the first line of its message; or the error
 * that no test had.
 */
export function failures(): string[] {
  return reportFiles().flatMap((file) => {
    const path = join(reportFolder, file);
    const unhandled = notes(file, "unhandled");
    if (readReport(path).failed === 0) return unhandled;
    const named = failedTests(path).map(({ fullName, failureMessages }) => {
      const [message = ""] = (failureMessages?.[0] ?? "").split("\n");
      return `${file}: ${fullName}: ${message.slice(0, 200)}`;
    });
    const lines = [...named, ...unhandled];
    return lines.length > 0 ? lines : [file];
  });
}

/** The tests that failed and passed when they were run once more, a line each. */
export function unsteady(): string[] {
  return reportFiles().flatMap((file) => notes(file, "unsteady"));
}

/** What is noted beside a report, a line each. */
function notes(file: string, note: Note): string[] {
  const path = notePath(join(reportFolder, file), note);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8").trimEnd().split("\n").map((line) => `${file}: ${line}`);
}

function reportFiles(): string[] {
  return readdirSync(reportFolder).filter((name) => name.endsWith(".json")).sort();
}

/** A test that failed, as vitest's JSON reporter writes it. */
interface FailedTest {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages?: readonly string[];
}

/** The failed tests of a report. A file that does not load stands for its tests. */
function failedTests(path: string): FailedTest[] {
  let files: { name: string; status: string; message?: string; assertionResults: FailedTest[] }[];
  try {
    files = JSON.parse(readFileSync(path, "utf8")).testResults ?? [];
  } catch {
    return [];
  }
  return files.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (failed.length > 0 || status !== "failed") return failed;
    return [{ fullName: name, status, failureMessages: [message ?? ""] }];
  });
}

/** The counts in one line, as CI reads them. */
export function show({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : "");
}
