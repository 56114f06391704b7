/** redirect() on Windows: Node redirects all, Bun what is not its console, Deno nothing. */
import { duplicateOnto, redirect } from "duphandle";
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { windowsRedirect } from "../../src/redirect/windows.ts";
import { openHandles } from "../support/open_handles.ts";
import { type Outcome, programPath, runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { isBun, isDeno, isWindows, openRaw, readRaw, temporaryFile } from "../support/system.ts";

const isNode = !isBun && !isDeno;

/** The kinds of standard output, each with the command that starts the program with it. */
const outputs: Record<string, string[]> = {
  "a file": [],
  "a pipe": [process.execPath, programPath("redirect/through.mjs")],
};
const table = Object.keys(outputs).flatMap((kind) => [[kind, 1], [kind, 2]] as const);

function runCase(name: string, kind: string, fd: number): Outcome {
  using target = temporaryFile("");
  return runProgram("redirect/windows_cases.ts", {
    args: [name, target.path, `${fd}`],
    prefix: outputs[kind]!,
  });
}

const linesOf = (text: unknown) => String(text).split(/\r?\n/).slice(0, -1);
const printed = (what: string) =>
  ["console", "stream", "fs", "native"].map((how) => `${what} ${how}`);
const all = (what: string) => [...printed(what), `${what} inherited`, `${what} numbered`];

describe.runIf(isWindows && isNode)(
  "redirect() of standard descriptors in Node for Windows",
  () => {
    test.each(table)("everything follows, and comes back: %s, fd %i", (kind, fd) => {
      const { output, result } = runCase("follow", kind, fd);
      const { content, ...others } = result as Record<string, unknown>;
      expect(linesOf(content)).toEqual([
        ...all("during"),
        ...printed("during"),
        ...printed("during"),
      ]);
      expect(linesOf(output)).toEqual([...all("before"), ...all("after")]);
      expect(others).toEqual({ grown: 0, same: true });
    });

    test.each(table)(
      "the stream may be used for the first time meanwhile: %s, fd %i",
      (kind, fd) => {
        const { output, result } = runCase("early", kind, fd);
        expect(linesOf(result)).toEqual(printed("during"));
        expect(linesOf(output)).toEqual(printed("after"));
      },
    );

    test("nests, and is restored in any order", () => {
      const { output, result } = runCase("nested", "a pipe", 1);
      expect(linesOf(result)).toEqual([
        ...printed("outer"),
        ...printed("inner"),
        ...printed("inner"),
      ]);
      expect(linesOf(output)).toEqual(printed("after"));
    });

    test("an exception restores", () => {
      const { output, result } = runCase("exception", "a pipe", 1);
      const { content, error } = result as Record<string, unknown>;
      expect(error).toBe("thrown inside");
      expect(linesOf(content)).toEqual(printed("during"));
      expect(linesOf(output)).toEqual(printed("after"));
    });

    test.each(table)("what is corked is written out: %s, fd %i", (kind, fd) => {
      const { output, result } = runCase("corked", kind, fd);
      expect(linesOf(result)).toEqual(["corked during"]);
      expect(linesOf(output)).toEqual(["corked before", "corked after"]);
    });

    test("a worker that writes meanwhile loses nothing", () => {
      using target = temporaryFile("");
      const { output, result } = runProgram("redirect/worker.ts", { args: [target.path, "100"] });
      const { lines, rounds } = result as { lines: number; rounds: number };
      const seen = [...linesOf(output), ...linesOf(fs.readFileSync(target.path, "utf8"))].sort();
      const expected = ["refused ENOTSUP"];
      for (let line = 0; line < lines; line++) {
        const rest = `${line} ${"x".repeat(line % 300)} end`;
        expected.push(`fs ${rest}`, ...(line % 10 === 0 ? [`console ${rest}`] : []));
      }
      expect(rounds).toBe(100);
      expect(seen.length).toBe(expected.length);
      expect(seen.join() === expected.sort().join()).toBe(true);
    });

    test("a failure changes nothing", () => {
      expect(runCase("failures", "a file", 1).result).toEqual({
        errors: ["EBADF", "EBADF", "EBADF", "EBADF"],
        same: true,
        grown: 0,
      });
    });

    test.each(table)("duplicateOnto() replaces it for good: %s, fd %i", (kind, fd) => {
      const { output, result } = runCase("replace", kind, fd);
      const { content, other, grown } = result as Record<string, unknown>;
      expect(linesOf(output)).toEqual(all("before"));
      expect(linesOf(content)).toEqual([...all("first"), ...printed("third")]);
      expect(linesOf(other)).toEqual(["second", "fourth", "fifth"].flatMap(printed));
      // The handle that the process started with stays open.
      expect(grown).toBe(1);
    });
  },
);

describe.runIf(isWindows && !isDeno)("redirect() in Bun and Node for Windows", () => {
  test("standard input", () => {
    expect(runCase("stdin", "a file", 0).result).toEqual(["fr", "om the file", "0"]);
  });

  test("no number and no handle is another thread's for a moment", () => {
    const { result } = runProgram("redirect/theft.ts", { args: [`${rounds(1000, 200)}`, "8"] });
    const { files, ...others } = result as Record<string, number>;
    expect(others).toEqual({ rounds: rounds(1000, 200), wrong: 0, wrongFiles: 0 });
    expect(files).toBeGreaterThan(0);
  });

  test("leaves a number alone that was closed meanwhile", () => {
    using file = temporaryFile("");
    using target = openRaw(file.path, "w");
    const fd = fs.openSync(file.path, "w");
    const before = openHandles();
    const redirections = [redirect(fd, target), redirect(fd, target)];
    fs.closeSync(fd);
    const next = fs.openSync(file.path, "r");
    for (const { restore } of redirections.reverse()) {
      expect(restore).toThrow(expect.objectContaining({ code: "EBADF", handle: fd }));
      restore();
    }
    expect(fs.readSync(next, new Uint8Array(1))).toBe(0);
    fs.closeSync(next);
    expect(openHandles().length).toBe(before.length - 1);
  });

  test("leaves a HANDLE alone that was closed before the first redirection", () => {
    using file = temporaryFile("");
    using target = openRaw(file.path, "w");
    const fd = fs.openSync(file.path, "r");
    const redirected = windowsRedirect.redirected(fd);
    const duplicate = redirected.duplicate(target.raw);
    fs.closeSync(fd);
    using next = openRaw(file.path, "r"); // Wine gives it the value of the one that was closed
    expect(() => redirected.redirectTo(duplicate)).toThrow(
      expect.objectContaining({ code: "EBADF" }),
    );
    redirected.release();
    redirected.close(duplicate);
    expect(readRaw(next.raw, 1)).toBe("");
  });
});

describe.runIf(isWindows && !isNode)("redirect() of what does not follow", () => {
  test.runIf(isBun)("console.log of Bun keeps its HANDLE", () => {
    using file = temporaryFile("");
    const { output, result } = runProgram("redirect/left_behind.ts", { args: [file.path] });
    expect(result).toEqual(["fs", "child"]);
    expect(output).toMatch(/^console$/m);
    expect(output).not.toMatch(/^(fs|child)\s*$/m);
  });

  test.runIf(isDeno)("children of Deno get another HANDLE", () => {
    using file = temporaryFile("");
    const { output, result } = runProgram("redirect/left_behind.ts", { args: [file.path] });
    expect(result).toEqual(["console", "fs"]);
    expect(linesOf(output)).toEqual(["child"]);
  });

  test("is ENOTSUP, and says what to use", () => {
    using file = temporaryFile("");
    using target = openRaw(file.path, "w");
    const before = openHandles();
    for (const fd of isBun ? [1, 2] : [0, 1, 2, 7]) {
      const refusal = expect.objectContaining({ code: "ENOTSUP", handle: fd });
      expect(() => redirect(fd, target)).toThrow(refusal);
      expect(() => duplicateOnto(target, fd)).toThrow(refusal);
      expect(() => redirect(fd, target)).toThrow(
        fd > 2
          ? /use duplicate\(\) and give the new handle to the code/
          : fd === 0
          ? /start a child process with stdio$/
          : /start a child process with stdio, or replace console/,
      );
    }
    expect(openHandles()).toEqual(before);
  });
});
