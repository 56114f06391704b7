import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { noneLeft } from "../support/matchers.ts";
import { type Outcome, programPath, root, runProgram } from "../support/program.ts";
import { isWindows, temporaryFolder } from "../support/system.ts";

/** Runs a case with two copies of the sources. */
function runCase(name: string): Outcome & { readonly lines: readonly string[] } {
  using folder = temporaryFolder();
  const modules = ["one", "two"].map((copy) => {
    for (const part of ["mod.ts", "src", "ffi"]) {
      fs.cpSync(path.join(root, part), path.join(folder.path, copy, part), { recursive: true });
    }
    return path.join(folder.path, copy, "mod.ts");
  });
  fs.writeFileSync(path.join(folder.path, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(path.join(folder.path, "file.txt"), "text");
  const program = path.join(folder.path, "copies.ts");
  fs.copyFileSync(programPath("handle/copies.ts"), program);
  const workers = path.join(root, "test", "support", "worker.mjs");
  const args = [name, ...modules, path.join(folder.path, "file.txt"), workers];
  const outcome = runProgram(program, { args });
  return { ...outcome, lines: outcome.output.split("\n") };
}

test.skipIf(isWindows)("two copies redirect fd 1 and restore it in either order", () => {
  const { result, lines } = runCase("redirect");
  expect(result).toEqual([
    { one: "", two: "both\nchild both\nbetween\nchild between\n" },
    { one: "between\nchild between\n", two: "both\nchild both\n" },
  ]);
  expect(lines.filter((line) => /after|end/.test(line))).toEqual([
    ...["after", "child after", "after", "child after", "end"],
  ]);
});

test.skipIf(isWindows)("the same in a worker thread, where fd 1 is refused by both", () => {
  expect(runCase("worker").result).toEqual({
    results: [{ one: "", two: "both\nbetween\n" }, { one: "between\n", two: "both\n" }],
    original: "after\nafter\n",
    refused: ["ENOTSUP", "ENOTSUP"],
  });
});

test(
  "a handle of one copy is one to the other, and an imitation is refused",
  () => {
    expect(runCase("handles").result).toEqual({
      done: {
        duplicate: [true, true],
        borrowed: true,
        closeSource: true,
        borrowedCloseSource: "TypeError",
        inspect: "file",
        closeMany: [true, true],
        pool: [true, "number"],
        closed: "EBADF",
        take: true,
        process: true,
        takeHandle: "TypeError",
        send: "EPIPE",
        imitations: Array(6).fill(["TypeError", "TypeError"]),
      },
      grown: noneLeft,
    });
  },
);

test("what a process inherited is taken once, by whichever copy", () => {
  expect(runCase("inherited").result).toEqual({
    names: [["log", "other"], ["log", "other"]],
    same: true,
    taken: "EBADF",
    takenToo: "EBADF",
  });
});

test.skipIf(isWindows)("what another version shares in another way is refused", () => {
  expect(runCase("otherLayout").result).toEqual({ code: "ENOTSUP", grown: 0 });
});
