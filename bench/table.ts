/** The results as tables of text. */
import type { CallVerdict, Row } from "./calls.ts";
import type { Batch, Pool } from "./files.ts";
import type { PairRow } from "./pairs.ts";
import type { SocketRow } from "./sockets.ts";
import type { Start } from "./starts.ts";
import { yardstick } from "./subjects.ts";
import { type Operation, operations } from "./timing.ts";
import type { UpgradeRow } from "./upgrades.ts";

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
  const lines = rows.map(({ name, version, does, costs, targets }) => [
    `${name} ${version}`,
    does,
    ...operations.flatMap((operation) => {
      const cost = costs[operation];
      return cost === undefined ? ["", ""] : [`${Math.round(cost.ns)}`, cost.ratio.toFixed(2)];
    }),
    targets.map((target) => verdict(target, rows)).join(", "),
  ]);
  return align([head, ...lines], "<<>>>>>><");
}

/** What the library adds to the start of a program. */
export function startTable(starts: readonly Start[]): string {
  const head = ["start", "from", "imports", "empty", "added", "added to empty", "target"];
  const lines = starts.map(({ label, from, entryPoint, empty, added, ratio, target }) => [
    label,
    from,
    entryPoint,
    `${empty.toFixed(1)} ms`,
    `${added.toFixed(1)} ms`,
    ratio.toFixed(2),
    target === undefined ? "" : `≤ ${target.most.toFixed(2)}: ${metOrNot(target)}`,
  ]);
  return align([head, ...lines], "<<<>>><");
}

/** What many handles at once cost. */
export function batchTable(batches: readonly Batch[]): string {
  const head = ["ns a handle, duplicated and closed", "handles", "ns", "to C", "target"];
  const lines = batches.map(({ label, handles, ns, ratio, target }) => [
    label,
    `${handles}`,
    `${Math.round(ns)}`,
    ratio.toFixed(2),
    target === undefined ? "" : `≤ ${target.most}: ${metOrNot(target)}`,
  ]);
  return align([head, ...lines], "<>>><");
}

/** What the pool costs. */
export function poolTable(pools: readonly Pool[]): string {
  const head = ["pool", "hit to readSync", "target", "fault", "target", "kernel memory a file"];
  const lines = pools.map(({ label, hit, fault, bytes }) => [
    label,
    hit.reached.toFixed(2),
    `≤ ${hit.most}: ${metOrNot(hit)}`,
    `${fault.reached.toFixed(1)} µs`,
    `≤ ${fault.most} µs: ${metOrNot(fault)}`,
    `${bytes} B`,
  ]);
  return align([head, ...lines], "<><><>");
}

/** Servers that adopted their socket. */
export function socketTable(rows: readonly SocketRow[]): string {
  const head = ["requests a second", "", "by", "adopted", "bound", "ratio", "target"];
  const lines = rows.map(({ label, server, by, adopted, bound, ratio, target }) => [
    server,
    label,
    by,
    `${Math.round(adopted / 1000)}k`,
    `${Math.round(bound / 1000)}k`,
    ratio.toFixed(2),
    `≥ ${target.least}: ${metOrNot(target)}`,
  ]);
  return align([head, ...lines], "<<<>>><");
}

/** Servers that are replaced. */
export function upgradeTable(rows: readonly UpgradeRow[]): string {
  const head = [
    "ms of 99.9 % of requests",
    "",
    "during",
    "beside",
    "ratio",
    "longest",
    "",
    "target",
  ];
  const lines = rows.map(({ label, server, during, beside, ratio, target, ...longest }) => [
    server,
    label,
    during.toFixed(1),
    beside.toFixed(1),
    ratio.toFixed(2),
    longest.longestDuring.toFixed(1),
    longest.longestBeside.toFixed(1),
    `≤ ${target.most}: ${metOrNot(target)}`,
  ]);
  return align([head, ...lines], "<<>>>>><");
}

/** This library against what a program does without it. */
export function pairTable(pairs: readonly PairRow[]): string {
  const head = ["µs", "", "this library", "without it", "", "ratio", "target"];
  const lines = pairs.map(({ name, label, ours, theirs, against, ratio, target }) => [
    name,
    label,
    (ours / 1000).toFixed(2),
    (theirs / 1000).toFixed(2),
    against,
    ratio.toFixed(2),
    target === undefined ? "" : `≤ ${target.most}: ${metOrNot(target)}`,
  ]);
  return align([head, ...lines], "<<>><><");
}

function verdict(target: CallVerdict, rows: readonly Row[]): string {
  const { operation, against, reached } = target;
  const title = operation === "pair" ? "" : `${titles[operation]} `;
  const most = `${title}≤ ${target.most.toFixed(2)}`;
  if (against === yardstick) return `${most}: ${metOrNot(target)}`;
  // "koffi" or "duphandle/posix", without what follows.
  const other = rows.find(({ id }) => id === against)?.does.split(" ")[0];
  return `${most} to ${other}: ${metOrNot(target)} (${reached.toFixed(2)})`;
}

/** A verdict in a word. */
export function metOrNot({ met }: { readonly met: boolean }): string {
  return met ? "met" : "MISSED";
}

/** Columns of equal width. `sides` has one sign a column: `<` to the left, `>` to the right. */
export function align(lines: readonly string[][], sides: string): string {
  const widths = [...sides].map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines.map((line) =>
    line.map((cell, at) =>
      sides[at] === ">" ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)
    ).join("  ").trimEnd()
  ).join("\n");
}
