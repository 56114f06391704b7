/**
 * The benchmark: this library, koffi, Python and reopening against C, interleaved in one run.
 * `npm run bench -- --help` lists the options.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Runtime } from "../scripts/runtimes.ts";
import { callsPart } from "./calls.ts";
import { channelsPart } from "./channels.ts";
import { batchesPart, poolsPart } from "./files.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { pairParts, pairsPart } from "./pairs.ts";
import { type Part, type PartName, runParts } from "./part.ts";
import { compile, describeCompiler, findCompiler } from "./processes.ts";
import { listPackagePrograms, listSourcePrograms } from "./programs.ts";
import { Progress } from "./progress.ts";
import { describeMachine, report } from "./report.ts";
import { socketsPart } from "./sockets.ts";
import { startsPart } from "./starts.ts";
import { findRuntimes, listSubjects } from "./subjects.ts";
import { upgradesPart } from "./upgrades.ts";

/** The parts that compare with a program in C. */
const withC: readonly PartName[] = ["calls", "channels", "batches"];
/** Channels, batches, the pool, upgrades and the pairs are for Linux, among POSIX systems. */
const onlyLinux: readonly PartName[] = ["channels", "batches", "pools", "upgrades", ...pairParts];

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function main(args: string[]): void {
  if (args.includes("--help")) {
    console.log(usage);
    return;
  }
  const options = parseOptions(args);
  if (process.platform === "win32") {
    throw new Error(
      "Cannot measure here: the benchmark compares POSIX calls; run it on Linux or macOS",
    );
  }
  const { found, missing } = findRuntimes(options.runtimes);
  for (const reason of missing) console.log(`Left out: ${reason}`);
  const folder = mkdtempSync(join(tmpdir(), "duphandle-bench-"));
  try {
    measure(options, found, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(options: Options, found: readonly Runtime[], folder: string): void {
  const progress = new Progress();
  const isWanted = (name: PartName) =>
    options.parts.has(name) && (process.platform === "linux" || !onlyLinux.includes(name));
  if (![...options.parts].some(isWanted)) {
    throw new Error(`Cannot measure ${[...options.parts].join(", ")} here: only Linux has it`);
  }
  const compiler = withC.some(isWanted) ? findCompiler() : undefined;
  if (compiler !== undefined) progress.step("compiling the C programs");
  const program = (name: "loop" | "pass" | "many") => compile(compiler ?? "cc", name, folder);

  // Each part, if it is wanted, as a list of one or none.
  const make = <Result>(name: PartName, part: () => Part<Result>): Part<Result>[] =>
    isWanted(name) ? [part()] : [];
  const calls = make("calls", () => callsPart(listSubjects(program("loop"), found), options));
  const starts = make("starts", () => startsPart(listPrograms(found, folder), options));
  const channels = make("channels", () => channelsPart(program("pass"), found, options));
  const batches = make("batches", () => batchesPart(program("many"), found, options));
  const pools = make("pools", () => poolsPart(found, options));
  const sockets = make("sockets", () => socketsPart(found, options));
  const upgrades = make("upgrades", () => upgradesPart(found, options));
  const pairs = pairParts.flatMap((name) => make(name, () => pairsPart(name, found, options)));

  const machine = describeMachine(compiler === undefined ? undefined : describeCompiler(compiler));
  runParts(
    [...calls, ...starts, ...channels, ...batches, ...pools, ...sockets, ...upgrades, ...pairs],
    progress,
  );
  progress.end();
  const results = <Result>(parts: Part<Result>[]) => parts.flatMap((part) => part.summarize());
  report(machine, {
    rows: results(calls),
    starts: results(starts),
    channels: results(channels),
    batches: results(batches),
    pools: results(pools),
    sockets: results(sockets),
    upgrades: results(upgrades),
    pairs: results(pairs),
  }, options);
}

function listPrograms(found: readonly Runtime[], folder: string) {
  const { programs, problem } = listPackagePrograms(found, folder);
  if (problem !== undefined) console.log(problem);
  return [...listSourcePrograms(found, folder), ...programs];
}
