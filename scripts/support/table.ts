/** The support table as Markdown, and back: what a table says of a target. */
import { table } from "../reference/markdown.ts";
import { type Cell, notRun, type Target } from "./evaluate.ts";
import type { Feature } from "./claims.ts";

/** What a target's column says, by the name of the feature: the answer and its note as one text. */
export type Column = ReadonlyMap<string, string>;

/** Writes the table, with its notes below. Targets of one system with the same cells share a column. */
export function tableText(
  features: readonly Feature[],
  targets: readonly Target[],
  cellOf: (feature: Feature, target: Target) => Cell,
): string {
  const notes: string[] = [];
  const show = ({ answer, note }: Cell) => {
    if (note === undefined) return answer;
    if (!notes.includes(note)) notes.push(note);
    return `${answer} (${notes.indexOf(note) + 1})`;
  };
  const columns: { targets: Target[]; cells: readonly Cell[]; key: string }[] = [];
  for (const target of targets) {
    const cells = features.map((feature) => cellOf(feature, target));
    const key = JSON.stringify([target.system, cells]);
    const same = columns.find((column) => column.key === key);
    if (same === undefined) columns.push({ targets: [target], cells, key });
    else same.targets.push(target);
  }
  const head = columns.map(({ targets: [first, ...rest] }) =>
    `${first?.system}: ${[first, ...rest].map((target) => target?.runtime).join(", ")}`
  );
  const rows = features.map(({ name }, at) => [
    name,
    ...columns.map(({ cells }) => show(cells[at] ?? notRun)),
  ]);
  const below = notes.map((note, at) => `${at + 1}. ${note}`).join("\n");
  return `${table(["", ...head], rows)}\n\n${below}`;
}

/** Reads a table: the column of each target that it has. */
export function readTable(text: string, targets: readonly Target[]): Map<Target, Column> {
  const notes = new Map(
    [...text.matchAll(/^(\d+)\. (.*)$/gm)].map(([, at = "", note = ""]) => [at, note] as const),
  );
  const [head = [], , ...rows] = text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((each) => each.trim()));
  const columns = new Map<Target, Column>();
  for (const [at, title] of head.entries()) {
    const [system, runtimes = ""] = title.split(": ");
    for (const runtime of runtimes.split(", ")) {
      const target = targets.find((each) => each.system === system && each.runtime === runtime);
      if (target === undefined) continue;
      const cells = rows.map((row) => [row[0] ?? "", resolve(row[at] ?? "", notes)] as const);
      columns.set(target, new Map(cells));
    }
  }
  return columns;
}

/** A cell with its note in the place of the note's number. */
function resolve(text: string, notes: ReadonlyMap<string, string>): string {
  return text.replace(/ \((\d+)\)$/, (_, at: string) => `: ${notes.get(at) ?? "?"}`);
}
