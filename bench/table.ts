/** The result for people: two small tables. */
import type { Row, Verdict } from "./rounds.ts";
import type { Start } from "./starts.ts";
import { yardstick } from "./subjects.ts";
import { type Operation, operations } from "./timing.ts";

const titles: Readonly<Record<Operation, string>> = {
  pair: "dup + close",
  onto: "dup3 onto",
  failing: "failing dup",
};

/** The costs of the operations. */
export function costTable(rows: readonly Row[]): string {
  const head = [
    "ns per operation",
    "",
    ...operations.flatMap((operation) => [titles[operation], "to C"]),
    "target",
  ];
  const lines = rows.map(({ name, version, does, costs, target }) => [
    `${name} ${version}`,
    does,
    ...operations.flatMap((operation) => {
      const cost = costs[operation];
      return cost === undefined ? ["", ""] : [`${Math.round(cost.ns)}`, cost.ratio.toFixed(2)];
    }),
    target === undefined ? "" : verdict(target, rows),
  ]);
  return align([head, ...lines], "<<>>>>>><");
}

/** What the library adds to the start of a program. */
export function startTable(starts: readonly Start[]): string {
  const lines = starts.map(({ label, files, empty, added, target }) => [
    label,
    files,
    `${empty.toFixed(1)} ms`,
    `${added < 0 ? "" : "+"}${added.toFixed(1)} ms`,
    `≤ ${target.most} ms: ${metOrNot(target)}`,
  ]);
  return align([["start", "", "empty", "added", "target"], ...lines], "<<>><");
}

function verdict(target: Verdict, rows: readonly Row[]): string {
  const most = target.most.toFixed(2);
  if (target.against === yardstick) return `≤ ${most}: ${metOrNot(target)}`;
  // "koffi", without its version.
  const other = rows.find(({ id }) => id === target.against)?.does.split(" ")[0];
  return `≤ ${most} to ${other}: ${metOrNot(target)} (${target.reached.toFixed(2)})`;
}

function metOrNot({ met }: Verdict): string {
  return met ? "met" : "MISSED";
}

/** Columns of equal width. `sides` has one sign a column: `<` to the left, `>` to the right. */
function align(lines: readonly string[][], sides: string): string {
  const widths = [...sides].map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines.map((line) =>
    line.map((cell, at) =>
      sides[at] === ">" ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)
    ).join("  ").trimEnd()
  ).join("\n");
}
