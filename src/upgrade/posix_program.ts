/** How this process was started, for a process that is started in the same way. */
import { identityAt, isSameFile } from "../../ffi/posix/identity.ts";
import { linkText, wholeText } from "../../ffi/posix/proc.ts";
import { readVariable } from "../util/environment.ts";
import { tryOrUndefined } from "../util/platform.ts";

/** A program, and where it starts. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** `undefined` where the folder is not known: that of this process. */
  readonly cwd: string | undefined;
}

/** The program of this process, with the flags that the runtime has got. */
export function ownProgram(): Program {
  return { command: ownExecutable(), args: ownArguments(), cwd: ownFolder() };
}

/**
 * The executable. In Deno the path has a step that leads nowhere: for its own path `node:child_process` of Deno
 * takes the arguments for those of Node, and translates them.
 */
function ownExecutable(): string {
  const { execPath } = process;
  return "Deno" in globalThis ? execPath.replace(/\/(?=[^/]*$)/, "/./") : execPath;
}

/** The arguments as the kernel has them, since not every runtime tells its flags. */
function ownArguments(): string[] {
  const words = tryOrUndefined(() => wholeText("/proc/self/cmdline"))?.split("\0").slice(0, -1);
  if (words !== undefined && isCommandLine(words)) return words.slice(1);
  return [...process.execArgv, ...process.argv.slice(1)];
}

/** Whether these are the words that started this process: a change of `process.title` overwrites them. */
function isCommandLine(words: readonly string[]): boolean {
  const own = process.argv.slice(2); // behind the executable and the script
  if (words.length <= own.length) return false;
  if (!("Deno" in globalThis) && words[0] !== process.argv0) return false;
  return own.every((word, at) => words[words.length - own.length + at] === word);
}

/** The folder of this process, by the name that the shell has for it where that has one. */
function ownFolder(): string | undefined {
  const real = tryOrUndefined(() => linkText("/proc/self/cwd"));
  const named = tryOrUndefined(() => readVariable("PWD"));
  if (named === undefined || !named.startsWith("/") || named.includes("\0")) return real;
  const [one, other] = [named, "/proc/self/cwd"].map((path) =>
    tryOrUndefined(() => identityAt(path))
  );
  return isSameFile(one, other) ? named : real;
}
