/** Random operations on 100,000 descriptors, with a limit of 256, against a model of them. */
import { expect, test } from "vitest";
import { hasCommand, runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";

/** With all rounds a million in Deno, Bun and Node 26 together. */
const OPERATIONS = rounds(334_000);
const DESCRIPTORS = rounds(100_000);
const LIMIT = 100;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const seed = Number(process.env["DUPHANDLE_SEED"] ?? Math.trunc(Math.random() * 2 ** 31));

test.runIf(isRoot && hasCommand("prlimit"))(
  `${DESCRIPTORS} descriptors under a limit of 256 agree with a model after ${OPERATIONS} random ` +
    "operations (needs root, who may have that many in flight)",
  () => {
    console.log(`DUPHANDLE_SEED=${seed}`);
    const { result } = runProgram("pool/model.ts", {
      prefix: ["prlimit", "--nofile=256:256", "--"],
      args: [seed, DESCRIPTORS, OPERATIONS, LIMIT].map(String),
    });
    expect(result).toMatchObject({
      operations: OPERATIONS,
      resident: LIMIT,
      parked: DESCRIPTORS - LIMIT,
      left: 0,
    });
    const { closed, locks, ends, openNow } = result as Record<string, number>;
    // All of it happened.
    expect(Math.min(closed!, locks!, ends!)).toBeGreaterThan(OPERATIONS / 2500);
    expect(openNow).toBeLessThan(256);
  },
);
