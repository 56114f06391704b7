/** Adoption in Deno for Windows, which exchanges what is behind a HANDLE, beside threads that could take its number. */
import { describe, expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { isDeno, isWindows, temporaryFile } from "../support/system.ts";

describe.runIf(isDeno && isWindows)("adoption in Deno for Windows", () => {
  test("leaves a number alone that was taken, and takes another one", () => {
    using file = temporaryFile("0123456789");
    const { result } = runProgram("handle/deno_windows_stolen.ts", { args: [file.path] });
    const outcomes = (good: unknown, given: unknown) =>
      [[1, good], [9, good], [10, given]].map(([stolen, outcome]) => ({
        outcome,
        stolen,
        lost: 0,
        grown: 0,
      }));
    const waited = (outcome: unknown) => ({ outcome, stolen: 0, lost: 0, grown: 0 });
    expect(result).toEqual([
      ...outcomes("3", "EBUSY"),
      waited("3"),
      // What no number could be had for is a file of ours.
      ...outcomes([true, "3"], [false, "3"]),
      waited([true, "3"]),
    ]);
  });

  test("neither side loses a file while eight threads open and close files", () => {
    const count = rounds(1000, 100);
    const { result } = runProgram("handle/deno_windows_theft.ts", { args: [`${count}`, "8"] });
    const { files, errors, grown, ...others } = result as Record<string, number | object>;
    expect(others).toEqual({ rounds: count, wrong: [], wrongFiles: 0 });
    // A placeholder stays open as long as what took its number: a few things that the threads make do so for good.
    expect(grown).toBeLessThan(10);
    const { EBUSY = 0, ...unexpected } = errors as Record<string, number>;
    expect(unexpected).toEqual({});
    expect(EBUSY).toBeLessThan(count / 4);
    expect(files).toBeGreaterThan(0);
  });
});
