/** Prints the results: the tables, the verdicts, and the JSON. */
import { writeFileSync } from "node:fs";
import * as os from "node:os";
import process from "node:process";
import type { Row } from "./calls.ts";
import { channelTables } from "./channel_table.ts";
import type { ChannelRow } from "./channels.ts";
import type { Batch, Pool } from "./files.ts";
import type { Options } from "./options.ts";
import type { PairRow } from "./pairs.ts";
import type { SocketRow } from "./sockets.ts";
import type { Start } from "./starts.ts";
import {
  batchTable,
  costTable,
  pairTable,
  poolTable,
  socketTable,
  startTable,
  upgradeTable,
} from "./table.ts";
import type { UpgradeRow } from "./upgrades.ts";

/** Everything that was measured; a part that was not measured has no results. */
export interface Results {
  readonly rows: readonly Row[];
  readonly starts: readonly Start[];
  readonly channels: readonly ChannelRow[];
  readonly batches: readonly Batch[];
  readonly pools: readonly Pool[];
  readonly sockets: readonly SocketRow[];
  readonly upgrades: readonly UpgradeRow[];
  readonly pairs: readonly PairRow[];
}

/** Where and when it was measured. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  /** How busy the machine was when the benchmark began. */
  readonly load: number;
  /** The C compiler, when a part needed it. */
  readonly compiler: string | undefined;
}

/** Describes this machine at this moment. */
export function describeMachine(compiler: string | undefined): Machine {
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model.trim() ?? "unknown processor",
    cores: os.availableParallelism(),
    kernel: `${os.type()} ${os.release()} ${os.machine()}`,
    load: os.loadavg()[0] ?? NaN,
    compiler,
  };
}

const ABOUT_CALLS =
  '"to C" is the median ratio to C with two threads in the same round: with a second thread the\n' +
  "kernel counts the users of the file table, and every runtime has a second thread. A failing dup\n" +
  "throws an error with a message and a stack in Python and in this library; in C and with koffi it\n" +
  "only reads errno. Reopening by node:fs is no duplicate: it makes a new open file, at position 0,\n" +
  "and needs the permission for its path.";

const ABOUT_STARTS =
  '"added" is the time of import and first duplicate: the wall time of the program minus that of an\n' +
  "empty program that ran just before or after it.";

const ABOUT_CHANNELS =
  "Streamed: the receiver answers when it has all. The round trip is a message with one handle and a\n" +
  "message back; beside it the runtime's own socket, or C and Python, without a handle. The own socket\n" +
  "counts the bytes of the array and keeps none.";

const ABOUT_SOCKETS =
  "Both servers are in one process and answer in turns, to one client in another process, on 16 connections\n" +
  "that are kept, with 8 requests at a time on each; the ratio is the median of neighbouring batches.";

const ABOUT_UPGRADES =
  "A client sends a request every two milliseconds, and counts the time from when it was due. During: from the\n" +
  "order to be replaced to the end of the old process. Beside: for the same time, while the server starts the same\n" +
  "program, which ends when it would serve. A process answers 100 requests of its own before it serves.";

const ABOUT_PAIRS =
  "Each pair runs in turns in one process; the ratio is the median of neighbouring batches. inspectHandle\n" +
  "and listHandles also count the handles that share an open file, which node:fs cannot.";

/** Prints everything, and sets the exit code when the options ask for it. */
export function report(machine: Machine, results: Results, options: Options): void {
  const { quick, json, rounds, strict } = options;
  const after = os.loadavg()[0] ?? NaN;
  const { date, cpu, cores, kernel, load, compiler } = machine;
  const loads = `load ${load.toFixed(1)} before, ${after.toFixed(1)} after`;
  console.log(`${date.slice(0, 10)}  ${cpu}, ${cores} cores, ${loads}`);
  console.log(compiler === undefined ? kernel : `${kernel}, ${compiler}`);
  console.log(`Medians of ${roundsOf(options)}.`);
  if (quick) console.log("A quick run shows that the benchmark works: its numbers mean little.");
  for (const table of tables(results)) console.log(`\n${table}`);
  const verdicts = verdictsOf(results);
  const missed = verdicts.filter(({ met }) => !met).length;
  console.log(`\n${verdicts.length - missed} of ${verdicts.length} targets met`);
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

function roundsOf({ rounds, starts }: Options): string {
  const count = rounds === starts
    ? `${rounds}`
    : `${rounds} interleaved rounds, ${starts} of starts`;
  return rounds === starts ? `${count} interleaved ${rounds === 1 ? "round" : "rounds"}` : count;
}

function tables(
  { rows, starts, channels, batches, pools, sockets, upgrades, pairs }: Results,
): string[] {
  const found: string[] = [];
  if (rows.length > 0) found.push(`${costTable(rows)}\n\n${ABOUT_CALLS}`);
  if (starts.length > 0) found.push(`${startTable(starts)}\n\n${ABOUT_STARTS}`);
  if (channels.length > 0) found.push(`${channelTables(channels)}\n\n${ABOUT_CHANNELS}`);
  if (batches.length > 0) found.push(batchTable(batches));
  if (pools.length > 0) found.push(poolTable(pools));
  if (sockets.length > 0) found.push(`${socketTable(sockets)}\n\n${ABOUT_SOCKETS}`);
  if (upgrades.length > 0) found.push(`${upgradeTable(upgrades)}\n\n${ABOUT_UPGRADES}`);
  if (pairs.length > 0) found.push(`${pairTable(pairs)}\n\n${ABOUT_PAIRS}`);
  return found;
}

function verdictsOf(
  { rows, starts, channels, batches, pools, sockets, upgrades, pairs }: Results,
): { met: boolean }[] {
  return [
    ...rows.flatMap(({ targets }) => targets),
    ...[...starts, ...channels, ...batches, ...sockets, ...upgrades, ...pairs].flatMap((
      { target },
    ) => target ?? []),
    ...pools.flatMap(({ hit, fault }) => [hit, fault]),
  ];
}

/** Four digits: what is beyond them is noise. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}
