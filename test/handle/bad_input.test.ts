import * as fs from "node:fs";
import * as path from "node:path";
import { duplicate, HandleError } from "duphandle";
import { describe, expect, test } from "vitest";
import { type BadCall, badPosixCalls, badVerbCalls, badWin32Calls } from "../support/bad_values.ts";
import { openHandles } from "../support/open_handles.ts";
import { runProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";

function refuses({ name, values, call }: BadCall): void {
  const before = openHandles();
  for (const [value, bad] of values) {
    let thrown: unknown;
    try {
      call(bad as never);
    } catch (error) {
      thrown = error;
    }
    const what = `${name} with ${value}`;
    expect(thrown, what).toBeInstanceOf(Error);
    const known = thrown instanceof TypeError || thrown instanceof HandleError;
    expect(known, `${what} threw ${thrown}`).toBe(true);
    expect((thrown as Error).message, what).toMatch(/^Cannot /);
  }
  expect(openHandles()).toEqual(before);
}

describe("bad input", () => {
  using open = duplicate(1);
  const { raw } = open;

  for (const bad of badVerbCalls(open)) {
    test(`${bad.name} refuses ${bad.values.length} kinds of it`, () => {
      using again = duplicate(1);
      const calls = badVerbCalls(again);
      refuses(calls.find(({ name }) => name === bad.name) as BadCall);
    });
  }
  for (const bad of [...badPosixCalls(raw), ...badWin32Calls(raw)]) {
    test(`${bad.name} refuses ${bad.values.length} kinds of it`, () => refuses(bad));
  }

  test("is at least 40 kinds for every handle that a function takes", () => {
    const counts = badVerbCalls(open).filter(({ name }) => name.includes("source"));
    for (const { name, values } of counts) expect(values.length, name).toBeGreaterThanOrEqual(40);
    for (const { name, values } of [...badPosixCalls(raw), ...badWin32Calls(raw)]) {
      expect(values.length, name).toBeGreaterThanOrEqual(25);
    }
  });

  test("the fd of a source is read once: what was checked is what is used", () => {
    let reads = 0;
    const source = {
      get fd(): number {
        return ++reads === 1 ? 1 : NaN;
      },
    };
    duplicate(source).close();
    duplicate((reads = 0, source), { inheritable: true }).close();
    expect(reads).toBe(1);
  });

  test("a -1 says where it comes from", () => {
    expect(() => duplicate(-1)).toThrow("what a failed call returns");
    expect(() => duplicate({ fd: -1 })).toThrow("it is closed");
  });

  test.skipIf(!canTrace)("never reaches the system (needs strace, on Linux)", () => {
    using folder = temporaryFolder();
    const log = path.join(folder.path, "trace");
    const { result } = runProgram("handle/bad_input.ts", {
      prefix: strace(log, ["-e", "trace=dup,dup2,dup3,fcntl,lseek,pipe2", "-e", "signal=none"]),
    });
    const { refused, pid } = result as { refused: number; pid: number };
    expect(refused).toBeGreaterThan(1000);
    const calls = fs.readFileSync(log, "utf8").split("\n")
      // Deno locks its cache file at any time.
      .filter((line) => line.startsWith(`${pid} `) && !line.includes("F_SETLK"));
    const marks = calls.flatMap((line, at) => line.includes("(424242,") ? [at] : []);
    expect(marks).toHaveLength(2);
    expect(calls.slice((marks[0] as number) + 1, marks[1])).toEqual([]);
  });
});
