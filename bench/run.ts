/**
 * The benchmark: this library, koffi and Python against C, interleaved in one run.
 * `npm run bench -- --help` lists the options.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import { join } from "node:path";
import process from "node:process";
import { compileStart } from "./javascript.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { compileLoop } from "./processes.ts";
import { type Row, runRounds } from "./rounds.ts";
import { listPrograms, runStarts, type Start } from "./starts.ts";
import { findRuntimes, listSubjects } from "./subjects.ts";
import { costTable, startTable } from "./table.ts";

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
    const { loop, compiler } = compileLoop(folder);
    const { found, missing } = findRuntimes();
    for (const reason of missing) console.log(`Left out: ${reason}`);
    const machine = describeMachine(compiler);
    const rows = runRounds(listSubjects(loop, found), options, progress);
    const programs = listPrograms(found, compileStart(folder));
    const starts = runStarts(programs, options, progress);
    progress("");
    publish(machine, rows, starts, options);
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

function publish(
  machine: Machine,
  rows: readonly Row[],
  starts: readonly Start[],
  { quick, json, rounds, strict }: Options,
): void {
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
      "here, with a message and a stack; in C and with koffi it only reads errno.",
  );
  if (quick) console.log("A quick run shows that the benchmark works: its numbers mean little.");
  console.log(`\n${costTable(rows)}\n\n${startTable(starts)}\n`);
  const verdicts = [...rows, ...starts].flatMap(({ target }) => target ?? []);
  const missed = verdicts.filter(({ met }) => !met).length;
  console.log(`${verdicts.length - missed} of ${verdicts.length} targets met`);
  if (strict && missed > 0) process.exitCode = 1;

  const text = JSON.stringify({
    machine: { ...machine, loadAfter: after },
    rounds,
    quick,
    rows,
    starts,
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
