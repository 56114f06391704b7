import { describe, expect, test } from "vitest";
import type { Feature } from "../../scripts/support/claims.ts";
import {
  cellOf,
  type Target,
  targets,
  testFiles,
  unknownTests,
} from "../../scripts/support/evaluate.ts";
import { features } from "../../scripts/support/features.ts";
import { root } from "../../scripts/runtimes.ts";
import { readTable, tableText } from "../../scripts/support/table.ts";

const [deno, bun, , , onWindows] = targets as [Target, Target, Target, Target, Target];

const feature: Feature = {
  name: "`feature`",
  claims: [
    { answer: "partly", note: "Of two.", on: "windows", tests: [["a.test.ts", "does both"]] },
    { answer: "yes", tests: [["a.test.ts", "does both"], ["b.test.ts", "lasts"]] },
    { answer: "`ENOTSUP`", note: "Use another.", tests: [["a.test.ts", "says what to use"]] },
  ],
};

/** Results as a report has them; the status of each is what its line begins with. */
function results(...lines: readonly string[]): { file: string; name: string; status: string }[] {
  return lines.map((line) => {
    const [status = "", file = "", ...words] = line.split(" ");
    return { file: `${file}.test.ts`, name: words.join(" "), status };
  });
}

describe("a cell of the support table", () => {
  const both = ["passed a it does both", "passed b it lasts"];

  test("is what the first claim says whose tests all passed", () => {
    expect(cellOf(feature, deno, results(...both))).toEqual({ answer: "yes" });
    expect(cellOf(feature, deno, results("passed a it says what to use", "skipped b it lasts")))
      .toEqual({ answer: "`ENOTSUP`", note: "Use another." });
  });

  test("is of a claim for some targets only for them", () => {
    expect(cellOf(feature, onWindows, results(...both)).answer).toBe("partly");
  });

  test.each([
    ["no test ran", []],
    ["one was skipped", ["passed a it does both", "skipped b it lasts"]],
    ["one did not run", ["passed a it does both"]],
    ["one failed", ["passed a it does both", "failed b it lasts"]],
    ["another of the same words failed", [...both, "failed a whether it does both"]],
    ["one of another file passed", ["passed a it does both", "passed a it lasts"]],
  ])("is 'not run' when %s", (_, lines) => {
    expect(cellOf(feature, deno, results(...lines))).toEqual({ answer: "not run" });
  });
});

describe("the support table", () => {
  const cells = new Map([
    [deno, { answer: "yes", note: "Of one." }],
    [bun, { answer: "yes", note: "Of one." }],
    [onWindows, { answer: "`ENOTSUP`", note: "Use another." }],
  ]);
  const text = tableText([feature], [...cells.keys()], (_, target) => cells.get(target)!);

  test("has a column for targets of one system with the same cells, and the notes below", () => {
    expect(text.split("\n")).toEqual([
      "|  | Linux: Deno, Bun | Windows: Deno |",
      "| --- | --- | --- |",
      "| `feature` | yes (1) | `ENOTSUP` (2) |",
      "",
      "1. Of one.",
      "2. Use another.",
    ]);
  });

  test("is read back as it was written", () => {
    const one = new Map([["`feature`", "yes: Of one."]]);
    expect(readTable(text, targets)).toEqual(
      new Map([[deno, one], [bun, one], [
        onWindows,
        new Map([["`feature`", "`ENOTSUP`: Use another."]]),
      ]]),
    );
  });
});

describe("the features", () => {
  test("have names of their own, and claims that name files of the suite", () => {
    expect(new Set(features.map(({ name }) => name)).size).toBe(features.length);
    const files = new Set(testFiles(root));
    const named = features.flatMap(({ claims }) => claims.flatMap(({ tests }) => tests));
    expect(named.map(([file]) => file).filter((file) => !files.has(file))).toEqual([]);
  });

  test("whose tests did not run are found by the check", () => {
    expect(unknownTests([feature], results("skipped a it does both", "passed b it lasts")))
      .toEqual([expect.stringContaining("says what to use")]);
  });
});
