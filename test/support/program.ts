/** Runs a program beside the tests as a process of its own, in the runtime that runs the test. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isBun, isDeno, temporaryFolder } from "./system.ts";

/** The checkout's top folder. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** Starts the program that follows in Node 20. */
export const startCompiled: string = path.join(root, "test", "support", "start_compiled.mjs");

/** Whether compiled.ts has compiled it. The examples, which start themselves again, are not. */
function isCompiled(script: string): boolean {
  const folder = process.env["DUPHANDLE_COMPILED"];
  const name = path.relative(root, script).replace(/\.ts$/, ".mjs");
  return folder !== undefined && fs.existsSync(path.join(folder, name));
}

/** The file of a program: `channel/victim.ts` is test/channel/programs/victim.ts. */
export function programPath(name: string): string {
  return path.join(root, "test", path.dirname(name), "programs", path.basename(name));
}

/** How a program ended. */
export interface Outcome {
  readonly code: number | null;
  /** What it wrote, to standard output and to standard error. */
  readonly output: string;
  /** What it reported, by {@linkcode report} of report.ts. */
  readonly result: unknown;
}

/** What a program runs with. */
export interface ProgramOptions {
  readonly args?: readonly string[];
  /** A command that starts the program's command, such as strace and its arguments. */
  readonly prefix?: readonly string[];
  /** Deno's permission flags instead of `-A`. */
  readonly permissions?: readonly string[];
  /** Flags of the runtime. */
  readonly flags?: readonly string[];
  readonly cwd?: string;
  /** Whether an exit code other than 0 is for the test to judge. */
  readonly mayFail?: boolean;
  /** Milliseconds after which it is killed; by default less than a test has. */
  readonly timeout?: number;
}

/** The command that starts a script in the runtime that runs the test. */
export function commandFor(script: string, options: ProgramOptions = {}): string[] {
  const { permissions = ["-A"], flags = [], args = [], prefix = [] } = options;
  const before = runtimeArguments(script, permissions, flags);
  return [...prefix, process.execPath, ...before, script, ...args];
}

/** What ends a program in Node 26. */
const endByExit = `--import=${
  pathToFileURL(path.join(root, "test", "support", "end_by_exit.mjs"))
}`;

function runtimeArguments(
  script: string,
  permissions: readonly string[],
  flags: readonly string[],
): string[] {
  if (isDeno) {
    const config = path.join(root, "deno.json");
    const options = ["--quiet", "--no-prompt", "--no-check", `--config=${config}`];
    return ["run", ...options, ...permissions, ...flags];
  }
  if (isBun) return [...flags];
  const version = Number(process.versions.node.split(".")[0]);
  if (version >= 24) {
    return ["--disable-warning=ExperimentalWarning", ...version >= 26 ? [endByExit] : [], ...flags];
  }
  if (isCompiled(script)) return [...flags, startCompiled];
  const tsx = path.join(root, "node_modules", "tsx", "dist", "loader.mjs");
  return [`--import=${pathToFileURL(tsx)}`, ...flags];
}

/**
 * Runs a program to its end. Its output goes to a file, because Node for Windows does not survive
 * a pipe under Wine.
 */
export function runProgram(name: string, options: ProgramOptions = {}): Outcome {
  const script = path.isAbsolute(name) ? name : programPath(name);
  using folder = temporaryFolder();
  const outputFile = path.join(folder.path, "output.txt");
  const resultFile = path.join(folder.path, "result.json");
  const output = fs.openSync(outputFile, "w");
  const [command, ...args] = commandFor(script, options);
  const { status, error } = spawnSync(command as string, args, {
    stdio: ["ignore", output, output],
    cwd: options.cwd ?? root,
    env: { ...process.env, DUPHANDLE_RESULT: resultFile, NO_COLOR: "1" },
    timeout: options.timeout ?? 590_000,
  });
  fs.closeSync(output);
  const written = fs.readFileSync(outputFile, "utf8");
  if (error !== undefined) throw new Error(`${name} wrote:\n${written}`, { cause: error });
  const outcome: Outcome = {
    code: status,
    output: written,
    result: fs.existsSync(resultFile) ? JSON.parse(fs.readFileSync(resultFile, "utf8")) : undefined,
  };
  if (outcome.code === 0 || options.mayFail === true) return outcome;
  throw new Error(`${name} ended with ${outcome.code}:\n${outcome.output}`);
}

/** What a program printed last, as JSON: one that runs as another user cannot write the result. */
export function lastLine(output: string): unknown {
  return JSON.parse(output.trimEnd().split("\n").at(-1) as string);
}

/** Whether a command is on this machine. */
export function hasCommand(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;
}
