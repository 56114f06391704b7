/** The command line of the benchmark. */
import { parseArgs } from "node:util";
import { type RuntimeName, runtimes } from "../scripts/runtimes.ts";
import { type PartName, partNames } from "./part.ts";
import type { Plan } from "./timing.ts";

/** How much is measured, and where the result goes. */
export interface Options {
  readonly quick: boolean;
  /** A missed target makes the exit code 1. */
  readonly strict: boolean;
  /** The file for the JSON; `undefined` prints it. */
  readonly json: string | undefined;
  readonly parts: ReadonlySet<PartName>;
  readonly runtimes: ReadonlySet<RuntimeName>;
  readonly rounds: number;
  /** Pairs of program starts, for each program. */
  readonly starts: number;
  readonly plan: Plan;
}

const runtimeNames = Object.keys(runtimes) as RuntimeName[];
const ROUNDS = 15;
const STARTS = 21;

export const usage: string = `Usage: npm run bench -- [options]

  --only=PART[,PART]     measures these parts only; without it, all:
                           calls    duplicate and close, duplicateOnto, a call that fails
                           starts   what importing the library adds to the start of a program
                           channels handles and bytes to another process
                           batches  many handles at once
                           pools    a pool of more files than descriptors
                           files    copies that the runtime owns, redirecting
                           looking  inspecting a handle, listing handles
                           children starting a child with a handle
                           sockets  servers on a socket that they did not bind, sockets as sources
                           upgrades requests to a server that is replaced
  --runtime=NAME[,NAME]  measures in these runtimes only: ${runtimeNames.join(", ")}
  --rounds=N             rounds of each part (default ${ROUNDS}, ${STARTS} of starts, 5 of upgrades at
                         most); a pool is measured once, since it takes its medians itself
  --quick                one short round: shows that the benchmark works, and measures nothing well
  --json=FILE            writes the JSON there instead of printing it
  --strict               a missed target makes the exit code 1
  --help                 prints this

What is being measured, the time so far and an estimate of the time left go to stderr.`;

/**
 * Reads the arguments.
 *
 * @throws {Error} when one is unknown or has a value that cannot be used
 */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true },
      runtime: { type: "string", multiple: true },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      strict: { type: "boolean", default: false },
    },
  });
  const { quick, strict, json } = values;
  if (quick && strict) {
    throw new Error("Cannot use --strict with --quick: so short a run says nothing about targets");
  }
  const rounds = values.rounds === undefined ? undefined : parseCount("rounds", values.rounds);
  return {
    quick,
    strict,
    json,
    parts: parseNames("only", values.only, partNames),
    runtimes: parseNames("runtime", values.runtime, runtimeNames),
    rounds: rounds ?? (quick ? 1 : ROUNDS),
    starts: rounds ?? (quick ? 1 : STARTS),
    plan: quick ? { batches: 5, size: 2_000 } : { batches: 15, size: 20_000 },
  };
}

function parseCount(option: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`Cannot use --${option}=${text}: it must be an integer from 1 to 999999`);
}

/** The names in all occurrences of an option, separated by commas; without the option, all. */
function parseNames<Name extends string>(
  option: string,
  texts: readonly string[] | undefined,
  known: readonly Name[],
): Set<Name> {
  if (texts === undefined) return new Set(known);
  return new Set(
    texts.flatMap((text) => text.split(",")).map((text) => {
      const name = known.find((each) => each === text);
      if (name !== undefined) return name;
      throw new Error(`Cannot use --${option}=${text}: it must be ${known.join(", ")}`);
    }),
  );
}
