/** Sockets that one thread made and another one uses. */
import { expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { isWindows } from "../support/system.ts";

test.skipIf(isWindows)(
  "a worker uses connections and a listener of the main thread by their numbers",
  () => {
    const all = Array<number>(10).fill(100_000);
    expect(runProgram("socket/workers.ts").result).toEqual({
      lengths: all,
      served: all,
      counts: [500_000, 500_000, 1_000_000],
      left: [],
    });
  },
);
