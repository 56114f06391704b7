/**
 * The benchmark: this library, koffi, Python and reopening against C, interleaved in one run.
 * `npm run bench -- --help` lists the options.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import { join } from "node:path";
import process from "node:process";
import { compileStart } from "./javascript.ts";
import { type Batch, type Pool, runBatches, runPools } from "./files.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { type Passing, runPassing } from "./passing.ts";
import { compilePrograms } from "./processes.ts";
import { type Row, runRounds } from "./rounds.ts";
import { listPrograms, runStarts, type Start } from "./starts.ts";
import { findRuntimes, listSubjects } from "./subjects.ts";
import { batchTable, costTable, passingTable, poolTable, startTable } from "./table.ts";

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
  const folder = mkdtempSync(join(os.tmpdir(), "duphandle-bench-"));
  try {
    const { loop, pass, many, compiler } = compilePrograms(folder);
    const { found, missing } = findRuntimes();
    for (const reason of missing) console.log(`Left out: ${reason}`);
    const machine = describeMachine(compiler);
    const rows = runRounds(listSubjects(loop, found), options, progress);
    const programs = listPrograms(found, compileStart(folder));
    const starts = runStarts(programs, options, progress);
    // Channels, batches and the pool are for Linux, among POSIX systems.
    const isLinux = process.platform === "linux";
    const passing = isLinux ? runPassing(pass, found, options, progress) : [];
    const batches = isLinux ? runBatches(many, found, options, progress) : [];
    const pools = isLinux ? runPools(found, options, progress) : [];
    progress("");
    publish(machine, { rows, starts, passing, batches, pools }, options);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Machine = ReturnType<typeof describeMachine>;

function describeMachine(compiler: string) {
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model.trim() ?? "unknown processor",
    cores: os.availableParallelism(),
    kernel: `${os.type()} ${os.release()} ${os.machine()}`,
    /** What else ran here when the benchmark began. */
    load: os.loadavg()[0] ?? NaN,
    compiler,
  };
}

/** Everything that was measured. */
interface Results {
  readonly rows: readonly Row[];
  readonly starts: readonly Start[];
  readonly passing: readonly Passing[];
  readonly batches: readonly Batch[];
  readonly pools: readonly Pool[];
}

function publish(
  machine: Machine,
  results: Results,
  { quick, json, rounds, strict }: Options,
): void {
  const { rows, starts, passing, batches, pools } = results;
  const { date, cpu, cores, kernel, load, compiler } = machine;
  const after = os.loadavg()[0] ?? NaN;
  console.log(
    `${date.slice(0, 10)}  ${cpu}, ${cores} cores, load ${load.toFixed(1)} before, ${
      after.toFixed(1)
    } after`,
  );
  console.log(`${kernel}, ${compiler}`);
  console.log(
    `Medians of ${rounds} interleaved rounds. "to C": the median ratio to C with two threads in the\n` +
      "same round; with a second thread the kernel counts the users of the file table, and every\n" +
      "runtime has one, so C with one thread is out of reach. A failing dup throws in Python and\n" +
      "here, with a message and a stack; in C and with koffi it only reads errno. Reopening by node:fs is\n" +
      "no duplicate: it makes a new open file, at position 0, and needs the permission for its path.",
  );
  if (quick) console.log("A quick run shows that the benchmark works: its numbers mean little.");
  console.log(`\n${costTable(rows)}\n\n${startTable(starts)}\n`);
  if (passing.length > 0) console.log(`${passingTable(passing)}\n`);
  if (batches.length > 0) console.log(`${batchTable(batches)}\n\n${poolTable(pools)}\n`);
  const verdicts = [
    ...[...rows, ...starts, ...batches].flatMap(({ target }) => target ?? []),
    ...passing.flatMap(({ targets }) => targets),
    ...pools.flatMap(({ hit, fault }) => [hit, fault]),
  ];
  const missed = verdicts.filter(({ met }) => !met).length;
  console.log(`${verdicts.length - missed} of ${verdicts.length} targets met`);
  if (strict && missed > 0) process.exitCode = 1;

  const text = JSON.stringify({
    machine: { ...machine, loadAfter: after },
    rounds,
    quick,
    ...results,
  }, rounded);
  if (json === undefined) console.log(`\n${text}`);
  else writeFileSync(json, `${text}\n`);
}

/** Digits that mean something. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}

function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}
