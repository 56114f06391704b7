/** Which process a pid of the environment is, in words, on Linux. */
import { pid as ownPid } from "../../ffi/host.ts";
import { procText } from "../../ffi/posix/proc.ts";
import { tryOrUndefined } from "../util/platform.ts";

/** How much of a command is shown. */
const MAX_COMMAND = 80;
/** How many ancestors are looked at: each takes a read of /proc. */
const MAX_ANCESTORS = 64;

/** Describes a process for the message of an error; never throws one itself. */
export function describeProcess(pid: number): string {
  const command = commandOf(pid);
  if (command === undefined) return "which has ended";
  const relation = isAncestor(pid) ? "which has started this process" : "which is another process";
  return `"${command}", ${relation}`;
}

/** The command line of a process, shortened; `undefined` when the process has ended, or is not shown. */
function commandOf(pid: number): string | undefined {
  const text = tryOrUndefined(() => procText(`/proc/${pid}/cmdline`));
  const command = text?.replace(/\0+$/, "").replaceAll("\0", " ").replace(/\p{Control}/gu, "?");
  if (command === undefined || command.length <= MAX_COMMAND) return command;
  return `${command.slice(0, MAX_COMMAND)}…`;
}

function isAncestor(pid: number): boolean {
  let at: number | undefined = ownPid();
  for (let count = 0; count < MAX_ANCESTORS && at !== undefined && at !== pid; count++) {
    at = parentOf(at);
  }
  return at === pid;
}

/** The parent of a process; `undefined` of the first one. */
function parentOf(pid: number): number | undefined {
  const text = tryOrUndefined(() => procText(`/proc/${pid}/stat`));
  // "4711 (the name, which may have parentheses) S 42 …"
  const parent = /^.*\) \S+ (\d+) /s.exec(text ?? "")?.[1];
  return parent === undefined || parent === "0" ? undefined : Number(parent);
}
