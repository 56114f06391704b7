import { expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { isBun, isDeno, isWindows } from "../support/system.ts";

// Fewer would not tell a leak from what an engine keeps; under Wine each call is a message to another
// process.
const PAIRS = Math.max(rounds(1_000_000, 100_000), isWindows ? 0 : 300_000);

test(`${PAIRS} pairs of duplicate and close leave handles and heap where they were`, () => {
  const flags = isDeno ? ["--v8-flags=--expose-gc"] : isBun ? [] : ["--expose-gc"];
  const { handles, grown } = runProgram("handle/leak.ts", { flags, args: [String(PAIRS)] })
    .result as Record<string, number>;
  expect(handles).toBe(0);
  // A byte a pair would be a leak; engines keep some of what they compiled.
  expect(grown).toBeLessThan(PAIRS * 0.8);
});
