/** What the reports of the test runs prove: the cells of the support table. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { reportFolder } from "../suite/reports.ts";
import type { Claim, Feature, Proof } from "./claims.ts";

/** What ran: a runtime on a system. */
export interface Target {
  /** The name of the report, without `.json`. */
  readonly name: string;
  readonly system: string;
  readonly runtime: string;
  /** The target that runs the sources where this one runs the built package. */
  readonly sources?: Target;
}

/** A cell. */
export interface Cell {
  readonly answer: string;
  readonly note?: string | undefined;
}

/** A test of a report. */
export interface TestResult {
  /** The test file, from the folder of the tests. */
  readonly file: string;
  readonly name: string;
  readonly status: string;
}

/** The targets that the table is about. */
export const targets: readonly Target[] = [
  { name: "linux-deno", system: "Linux", runtime: "Deno" },
  { name: "linux-bun", system: "Linux", runtime: "Bun" },
  { name: "linux-node", system: "Linux", runtime: "Node 26" },
  { name: "linux-node20", system: "Linux", runtime: "Node 20" },
  { name: "windows-deno", system: "Windows", runtime: "Deno" },
  { name: "windows-bun", system: "Windows", runtime: "Bun" },
  { name: "windows-node", system: "Windows", runtime: "Node 26" },
];

/** The built npm package, on Linux: it has to do what the sources do there. */
export const packageTargets: readonly Target[] = targets
  .filter(({ system }) => system === "Linux")
  .map((sources) => ({
    name: sources.name.replace("linux", "package"),
    system: "npm package",
    runtime: sources.runtime,
    sources,
  }));

/** Where no test says anything. */
export const notRun: Cell = { answer: "not run" };

/**
 * Reads the report of a target; `undefined` when there is none of the whole suite, since a run of a
 * part leaves a report too.
 */
export function readResults(target: Target, files: readonly string[]): TestResult[] | undefined {
  const path = join(reportFolder, `${target.name}.json`);
  if (!existsSync(path)) return undefined;
  const report = JSON.parse(readFileSync(path, "utf8")) as {
    testResults?: { name: string; assertionResults: { fullName: string; status: string }[] }[];
  };
  const results = (report.testResults ?? []).map(({ name, assertionResults }) => ({
    file: name.replaceAll("\\", "/").split("/test/").at(-1)!,
    assertionResults,
  }));
  const ran = new Set(results.map(({ file }) => file));
  if (!files.every((file) => ran.has(file))) return undefined;
  return results.flatMap(({ file, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({ file, name: fullName, status }))
  );
}

/** The files of the suite, from the folder of the tests. */
export function testFiles(top: string): string[] {
  return readdirSync(join(top, "test"), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".test.ts"));
}

/** The cell of a feature for a target that left these results. */
export function cellOf(feature: Feature, target: Target, results: readonly TestResult[]): Cell {
  const claim = feature.claims.find((each) => holds(each, target, results));
  return claim === undefined ? notRun : { answer: claim.answer, note: claim.note };
}

/** The tests that no run knows any more, or never did: a name was changed. */
export function unknownTests(
  features: readonly Feature[],
  results: readonly TestResult[],
): string[] {
  const proofs = features.flatMap(({ name, claims }) =>
    claims.flatMap(({ tests }) => tests.map((proof) => ({ name, proof })))
  );
  return proofs.filter(({ proof }) => matching(proof, results).length === 0)
    .map(({ name, proof: [file, test] }) => `${name}: no test of ${file} is called "… ${test} …"`);
}

/** A test that was skipped proves nothing; one that failed disproves. */
function holds({ on = "", tests }: Claim, target: Target, results: readonly TestResult[]): boolean {
  if (!(target.sources ?? target).name.startsWith(on)) return false;
  return tests.every((proof) => {
    const statuses = matching(proof, results).map(({ status }) => status);
    return statuses.includes("passed") && !statuses.includes("failed");
  });
}

function matching([file, test]: Proof, results: readonly TestResult[]): TestResult[] {
  return results.filter((result) => result.file === file && result.name.includes(test));
}
