/**
 * Writes the support table of README.md from the reports of the test runs; `--check` fails when it is
 * not what the reports say. A target without a report of the whole suite is written as not run, and
 * not checked.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { denoPath } from "../binaries.mjs";
import { root } from "../runtimes.ts";
import type { Feature } from "./claims.ts";
import {
  type Cell,
  cellOf,
  notRun,
  packageTargets,
  readResults,
  type Target,
  targets,
  testFiles,
  unknownTests,
} from "./evaluate.ts";
import { features } from "./features.ts";
import { readTable, tableText } from "./table.ts";

const page = join(root, "README.md");
const marks = /(<!-- support:begin -->\n)(.*?)(<!-- support:end -->)/s;
const files = testFiles(root);
const reports = new Map(
  [...targets, ...packageTargets].map((target) => [target, readResults(target, files)] as const)
    .filter((entry) => entry[1] !== undefined),
);
for (const target of targets) {
  if (!reports.has(target)) console.log(`${target.name}: no report of the whole suite`);
}
if (reports.size === 0) {
  console.error("Cannot say what works: run the whole suite first");
  process.exit(1);
}

const text = readFileSync(page, "utf8").replaceAll("\r\n", "\n");
const there = marks.exec(text)?.[2];
if (there === undefined) throw new Error("Cannot find the marks of the support table in README.md");
const built = packageTargets.filter((target) =>
  reports.has(target) && target.sources !== undefined && reports.has(target.sources)
);
const same = built.filter((target) => areEqual(target, target.sources ?? target));
// Where the package does what its sources do, a sentence says so; where it does not, it has a column.
const shown = [...targets, ...built.filter((target) => !same.includes(target))];
const table = tableText(features, shown, cell) + (same.length === 0 ? "" : `

The built npm package gives the same answers on Linux: ${
  same.map(({ runtime }) => runtime).join(", ")
}.`);
const all = [...reports.values()].flatMap((results) => results ?? []);
const problems = unknownTests(features, all);

if (process.argv.includes("--check")) {
  const [wanted, found] = [table, there].map((each) => readTable(each, shown));
  for (const target of shown.filter((each) => reports.has(each))) {
    const [rows, own] = [wanted?.get(target) ?? new Map(), found?.get(target) ?? new Map()];
    for (const name of new Set([...rows.keys(), ...own.keys()])) {
      const [now, then] = [rows.get(name) ?? "nothing", own.get(name) ?? "nothing"];
      if (now === then) continue;
      problems.push(`${target.name}, ${name}: README.md says ${then}, the tests say ${now}`);
    }
  }
} else {
  const body = `\n${table}\n\n`;
  writeFileSync(page, text.replace(marks, (_, begin, __, end) => `${begin}${body}${end}`));
  spawnSync(denoPath(root), ["fmt", "--quiet", page], { cwd: root });
  console.log(`The support table of README.md, of ${reports.size} targets`);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

function cell(feature: Feature, target: Target): Cell {
  const results = reports.get(target);
  return results === undefined ? notRun : cellOf(feature, target, results);
}

function areEqual(first: Target, second: Target): boolean {
  const answers = (target: Target) => features.map((feature) => cell(feature, target));
  return JSON.stringify(answers(first)) === JSON.stringify(answers(second));
}
