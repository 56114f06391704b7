/** Channels: handles and bytes to another process, against C, Python and the runtime's own socket. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import { type ChannelCost, MANY, type ProgramCost, type StreamCost } from "./channel_cost.ts";
import type { Options } from "./options.ts";
import { type Part, rotate } from "./part.ts";
import { run } from "./processes.ts";
import { median } from "./timing.ts";
import { atLeast, atMost, type LeastVerdict, type Verdict } from "./verdict.ts";

/** The targets: parts of what C streams, with one handle in a message and with many. */
const LEAST_OF_C = 0.6;
const LEAST_OF_C_MANY = 0.85;
/** A round trip, to one of the runtime's own socket and what the handle costs in C. */
const MOST_OF_ROUND_TRIP = 1.25;
/** The throughput of an array, as a part of that of the runtime's own socket. */
const LEAST_OF_SOCKET = 0.7;

/** How much a program does: its arguments. */
interface Amount {
  readonly roundTrips: number;
  readonly streamed: number;
  readonly arrays: number;
}

const FULL: Amount = { roundTrips: 10_000, streamed: 40_000, arrays: 10 };
const QUICK: Amount = { roundTrips: 400, streamed: 400, arrays: 1 };

/** Handles that are streamed. */
export interface Streamed {
  readonly kind: "streamed";
  readonly label: string;
  /** The handles in each message. */
  readonly handles: number;
  readonly perSecond: number;
  /** The medians of the ratios to C and to Python in the same round. */
  readonly ofC: number | undefined;
  readonly ofPython: number | undefined;
  readonly target: LeastVerdict | undefined;
}

/** A message with a handle, and its answer. */
export interface RoundTrip {
  readonly kind: "roundTrip";
  readonly label: string;
  /** In microseconds. */
  readonly withHandle: number;
  /** Without a handle: of a runtime, by its own socket. */
  readonly without: number;
  /** To `without` and what the handle costs in C. */
  readonly ratio: number | undefined;
  readonly target: Verdict | undefined;
}

/** An array, in one direction. */
export interface Sent {
  readonly kind: "array";
  readonly label: string;
  readonly direction: "there" | "back";
  /** MiB a second, of the channel and of the runtime's own socket. */
  readonly perSecond: number;
  readonly ofSocket: number;
  readonly ratio: number;
  /** The processor time to send and to receive an array, in milliseconds: of the channel, of the socket. */
  readonly sendMs: readonly [number, number];
  readonly receiveMs: readonly [number, number];
  readonly target: LeastVerdict;
}

/** A line of the results. */
export type ChannelRow = Streamed | RoundTrip | Sent;

/** What was measured of one program, round by round. */
interface Measured<Cost> {
  readonly label: string;
  readonly command: readonly string[];
  readonly costs: Cost[];
}

/** The part that measures channels. `pass` is the compiled C program. */
export function channelsPart(
  pass: string,
  found: readonly Runtime[],
  { rounds, quick }: Options,
): Part<ChannelRow> {
  const { roundTrips, streamed, arrays } = quick ? QUICK : FULL;
  const amounts = [String(roundTrips), String(streamed)];
  const c: Measured<ProgramCost> = { label: "C, sendmsg", command: [pass, ...amounts], costs: [] };
  const python: Measured<ProgramCost> | undefined = hasPython()
    ? {
      label: "Python, socket.send_fds",
      command: ["python3", join(root, "bench", "pass.py"), ...amounts],
      costs: [],
    }
    : undefined;
  const ours = found.map(({ label, command }): Measured<ChannelCost> => ({
    label,
    command: [...command, join(root, "bench", "channel.ts"), ...amounts, String(arrays)],
    costs: [],
  }));
  const programs = [c, ...(python === undefined ? [] : [python]), ...ours];
  return {
    name: "channels",
    rounds,
    measure(round, announce) {
      for (const { label, command, costs } of rotate(programs, round, rounds)) {
        announce(label);
        const output = run(command);
        (costs as unknown[]).push(JSON.parse(output));
      }
    },
    summarize: () => [
      ...(["one", "many"] as const).flatMap((size) =>
        programs.map((program) => summarizeStream(size, program, c, python))
      ),
      ...[c, ...(python === undefined ? [] : [python])].map(summarizeProgramTrip),
      ...ours.map((program) => summarizeTrip(program, c)),
      ...(["there", "back"] as const).flatMap((direction) =>
        ours.map((program) => summarizeArray(direction, program))
      ),
    ],
  };
}

function hasPython(): boolean {
  return spawnSync("python3", ["--version"], { stdio: "ignore" }).status === 0;
}

/** The median over the rounds of what a function makes of the costs in a round. */
function medianOf<Cost>(
  { costs }: Measured<Cost>,
  value: (cost: Cost, round: number) => number,
): number {
  return median(costs.map(value));
}

function summarizeStream(
  size: "one" | "many",
  program: Measured<StreamCost>,
  c: Measured<StreamCost>,
  python: Measured<StreamCost> | undefined,
): Streamed {
  const ratioTo = (other: Measured<StreamCost> | undefined) =>
    other === undefined || other === program
      ? undefined
      : medianOf(program, (cost, round) => cost[size] / (other.costs[round]?.[size] ?? NaN));
  const ofC = ratioTo(c);
  const isOurs = program !== c && program !== python;
  const least = size === "one" ? LEAST_OF_C : LEAST_OF_C_MANY;
  return {
    kind: "streamed",
    label: program.label,
    handles: size === "one" ? 1 : MANY,
    perSecond: medianOf(program, (cost) => cost[size]),
    ofC,
    ofPython: ratioTo(python),
    target: isOurs && ofC !== undefined ? atLeast(least, "c", ofC) : undefined,
  };
}

function summarizeProgramTrip(program: Measured<ProgramCost>): RoundTrip {
  return {
    kind: "roundTrip",
    label: program.label,
    withHandle: medianOf(program, (cost) => cost.with),
    without: medianOf(program, ({ without }) => without),
    ratio: undefined,
    target: undefined,
  };
}

function summarizeTrip(program: Measured<ChannelCost>, c: Measured<ProgramCost>): RoundTrip {
  const ofHandle = medianOf(c, (cost) => cost.with - cost.without);
  const ratio = medianOf(
    program,
    ({ roundTrip, socketRoundTrip }) => roundTrip / (socketRoundTrip + ofHandle),
  );
  return {
    kind: "roundTrip",
    label: program.label,
    withHandle: medianOf(program, ({ roundTrip }) => roundTrip),
    without: medianOf(program, ({ socketRoundTrip }) => socketRoundTrip),
    ratio,
    target: atMost(MOST_OF_ROUND_TRIP, "socket and handle", ratio),
  };
}

function summarizeArray(direction: "there" | "back", program: Measured<ChannelCost>): Sent {
  const ratio = medianOf(
    program,
    ({ transfer, socketTransfer }) => transfer[direction] / socketTransfer[direction],
  );
  const both = (of: "there" | "back" | "sendMs" | "receiveMs"): [number, number] => [
    medianOf(program, ({ transfer }) => transfer[of]),
    medianOf(program, ({ socketTransfer }) => socketTransfer[of]),
  ];
  const [perSecond, ofSocket] = both(direction);
  return {
    kind: "array",
    label: program.label,
    direction,
    perSecond,
    ofSocket,
    ratio,
    sendMs: both("sendMs"),
    receiveMs: both("receiveMs"),
    target: atLeast(LEAST_OF_SOCKET, "socket", ratio),
  };
}
