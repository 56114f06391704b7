import { describe, expect, test } from "vitest";
import { runProgram } from "../support/program.ts";

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

  test("adds duplicate() to the runtime's own FileHandle", () => {
    const { result, output } = runProgram("register/register.ts");
    expect(result).toMatchObject({ same: true, consumed: -1 });
    expect(output).toMatch(/^\d+ \d+$/m);
  });
});
