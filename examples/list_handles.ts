/**
 * Prints what a process holds: `deno run -A examples/list_handles.ts [PID]`, or the same with `bun` or
 * `node`. Without a pid it is this process. Another one must be the same user's.
 */
import { HandleError, type HandleInfo, listHandles } from "duphandle";

const HEADER = ["handle", "kind", "access", "inherited", "position", "shared", "what"];

/** The properties of a handle, a cell for each column. */
function row({ raw, kind, access, inheritable, position, references, ...about }: HandleInfo) {
  const number = process.platform === "win32" ? `0x${raw.toString(16)}` : String(raw);
  const what = about.path ?? about.name ?? "";
  return [
    number,
    kind,
    access,
    inheritable ? "yes" : "no",
    String(position ?? ""),
    String(references ?? ""),
    about.deleted ? `${what} (deleted)` : what,
  ];
}

function print(rows: string[][]): void {
  const widths = HEADER.map((_, at) => Math.max(...rows.map((cells) => cells[at]?.length ?? 0)));
  for (const cells of rows) {
    console.log(cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd());
  }
}

const pid = Number(process.argv[2] ?? process.pid);
try {
  const handles = listHandles(pid);
  console.log(`process ${pid} has ${handles.length} handles:`);
  print([HEADER, ...handles.map(row)]);
} catch (error) {
  if (!(error instanceof HandleError)) throw error;
  console.error(error.message); // no such process, or another user's: it says what would help
  process.exitCode = 1;
}
