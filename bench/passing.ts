/** Handles to another process: how many a second, against C and against Python. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import { type Part, rotate } from "./part.ts";
import { run } from "./processes.ts";
import { median } from "./timing.ts";
import { atLeast, type LeastVerdict } from "./verdict.ts";

/** The handles of a batch: fewer than the kernel's 253, so that C can send it at once. */
const BATCH = 200;
const LEAST_OF_C = 0.5;
const LEAST_OF_PYTHON = 5;

/** A program that sends handles to another. */
interface Sender {
  readonly id: string;
  readonly label: string;
  /** The command, to which the numbers of messages and of handles in each are added. */
  readonly command: readonly string[];
  readonly handles: number;
}

/** The result of one sender. */
export interface Passing {
  readonly label: string;
  readonly handles: number;
  readonly perSecond: number;
  /** The medians of the ratios to other senders in the same round, by their ids. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly targets: readonly LeastVerdict[];
}

/** The part that measures channels. `pass` is the compiled C program. */
export function passingPart(
  pass: string,
  found: readonly Runtime[],
  { rounds, quick }: Options,
): Part<Passing> {
  const senders = listSenders(pass, found);
  const handles = quick ? 2_000 : 200_000;
  const measured = new Map<string, number[]>(senders.map(({ id }) => [id, []]));
  return {
    name: "passing",
    rounds,
    measure(round, announce) {
      for (const sender of rotate(senders, round, rounds)) {
        announce(`${sender.label}, ${sender.handles} a message`);
        const total = sender.handles === 1 ? handles / 10 : handles;
        measured.get(sender.id)?.push(measure(sender, total));
      }
    },
    summarize: () => senders.map((sender) => summarize(sender, measured)),
  };
}

function listSenders(pass: string, found: readonly Runtime[]): Sender[] {
  const script = join(root, "bench", "channel.ts");
  const sizes = [1, BATCH];
  const ofLibrary = found.flatMap(({ name, label, command }) =>
    sizes.map((handles) => ({
      id: `${name}-${handles}`,
      label,
      command: [...command, script],
      handles,
    }))
  );
  const ofC = sizes.map((handles) => ({
    id: `c-${handles}`,
    label: "C, sendmsg and an answer",
    command: [pass],
    handles,
  }));
  const hasPython = spawnSync("python3", ["--version"], { stdio: "ignore" }).status === 0;
  const ofPython: Sender[] = hasPython
    ? [{
      id: "python-1",
      label: "Python, multiprocessing.reduction",
      command: ["python3", join(root, "bench", "pass.py")],
      handles: 1,
    }]
    : [];
  return [...ofC, ...ofPython, ...ofLibrary];
}

function measure({ command, handles }: Sender, total: number): number {
  const output = run([...command, String(Math.ceil(total / handles)), String(handles)]);
  return (JSON.parse(output) as { perSecond: number }).perSecond;
}

function summarize(
  { id, label, handles }: Sender,
  measured: ReadonlyMap<string, readonly number[]>,
): Passing {
  const own = measured.get(id) ?? [];
  const ratioTo = (other: string) =>
    median(own.map((perSecond, round) => perSecond / (measured.get(other)?.[round] ?? NaN)));
  const isOurs = handles === BATCH && id !== `c-${BATCH}`;
  const aims = isOurs ? { [`c-${BATCH}`]: LEAST_OF_C, "python-1": LEAST_OF_PYTHON } : {};
  const others = [`c-${handles}`, "python-1"].filter((other) => measured.has(other));
  return {
    label,
    handles,
    perSecond: median(own),
    ratios: Object.fromEntries(others.map((other) => [other, ratioTo(other)])),
    targets: Object.entries(aims).filter(([against]) => measured.has(against)).map(
      ([against, least]) => atLeast(least, against, ratioTo(against)),
    ),
  };
}
