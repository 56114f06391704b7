/** The command line of the benchmark. */
import { parseArgs } from "node:util";
import type { Plan } from "./timing.ts";

/** How much is measured, and where the result goes. */
export interface Options {
  readonly quick: boolean;
  /** A missed target makes the exit code 1. */
  readonly strict: boolean;
  /** The file for the JSON; `undefined` prints it. */
  readonly json: string | undefined;
  readonly rounds: number;
  /** Pairs of program starts, each runtime. */
  readonly starts: number;
  readonly plan: Plan;
}

export const usage = `Usage: npm run bench -- [options]

  --rounds=N   runs of every subject (default 15: two to three minutes)
  --quick      one short round: shows that the benchmark works, and measures nothing well
  --json=FILE  writes the JSON there instead of printing it
  --strict     a missed target makes the exit code 1`;

/**
 * Reads the arguments.
 *
 * @throws {Error} when one is unknown or has a value that cannot be used
 */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
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
  const rounds = Number(values.rounds ?? (quick ? 1 : 15));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`Cannot use --rounds=${values.rounds}: it must be an integer from 1`);
  }
  return quick
    ? { quick, strict, json, rounds, starts: 2, plan: { batches: 5, size: 2_000 } }
    : { quick, strict, json, rounds, starts: 21, plan: { batches: 15, size: 20_000 } };
}
