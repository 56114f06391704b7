import { describe, expect, test } from "vitest";
import { runProgram } from "./support/program.ts";
import { isDeno, isWindows } from "./support/system.ts";

/** Deno for Windows tells the HANDLE of no descriptor above 2. */
const sourcesOfNodeFs = !(isDeno && isWindows);

describe("duphandle/register", () => {
  test.runIf(sourcesOfNodeFs)("adds duplicate() to the runtime's own FileHandle", () => {
    const { result, output } = runProgram("register.ts");
    expect(result).toMatchObject({ same: true });
    expect(output).toMatch(/^\d+ \d+$/m);
  });
});
