import { open } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { unsupported } from "../support/matchers.ts";
import { runProgram } from "../support/program.ts";
import { isDeno, isWindows, temporaryFile } from "../support/system.ts";

/** Deno for Windows does not expose the HANDLE of a descriptor above 2. */
const sourcesOfNodeFs = !(isDeno && isWindows);

describe("duphandle/register", () => {
  test("leaves emitters, and what others make of open, alone", () => {
    expect(runProgram("register/emitters.ts").result).toEqual({
      // No `before`: it is undefined.
      own: { configurable: true, enumerable: true, writable: true, value: 1 },
      inherited: 2,
      refused: "TypeError",
      method: "function",
      opened: 1,
      after: [1, 2, 3, 3],
      isWrapped: true,
    });
  });

  test.runIf(sourcesOfNodeFs)("adds duplicate() to the runtime's own FileHandle", () => {
    const { result, output } = runProgram("register/register.ts");
    expect(result).toMatchObject({ same: true, consumed: -1 });
    expect(output).toMatch(/^\d+ \d+$/m);
  });

  test.skipIf(sourcesOfNodeFs)(
    "is ENOTSUP in Deno for Windows, which does not expose the HANDLE",
    async () => {
      using file = temporaryFile("");
      await import("duphandle/register");
      await using original = await open(file.path);
      await expect(original.duplicate()).rejects.toThrow(
        unsupported,
      );
    },
  );
});
