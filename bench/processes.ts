/** Compiles the C programs, and runs the subjects, each as a process of its own. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { root } from "../scripts/runtimes.ts";
import type { Measurement, Plan } from "./timing.ts";

const COMPILERS = ["cc", "gcc", "clang"];

/**
 * The C compiler of this machine: its command.
 *
 * @throws {Error} when there is none
 */
export function findCompiler(): string {
  const compiler = COMPILERS.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (compiler !== undefined) return compiler;
  throw new Error(
    `Cannot measure C: there is no compiler here (${COMPILERS.join(", ")}); ` +
      "install one, such as the package gcc, and run again",
  );
}

/** The compiler's name and version, in its own words. */
export function describeCompiler(compiler: string): string {
  return run([compiler, "--version"]).split("\n")[0] ?? compiler;
}

/** Compiles a C program of this folder into another one and returns its path. */
export function compile(compiler: string, name: "loop" | "pass" | "many", folder: string): string {
  const program = join(folder, name);
  run([compiler, "-O2", "-pthread", "-o", program, join(root, "bench", `${name}.c`)]);
  return program;
}

/** Runs a subject, which measures itself, once. */
export function measureOnce(command: readonly string[], { batches, size }: Plan): Measurement {
  const output = run([...command, String(batches), String(size)]);
  try {
    return JSON.parse(output) as Measurement;
  } catch (cause) {
    throw new Error(`Cannot read what ${command.join(" ")} printed: ${output}`, { cause });
  }
}

/** Environment variables for a program, beside those of this process. */
export type Environment = Readonly<Record<string, string>>;

/** The wall time of a program, in milliseconds. */
export function wallTime(command: readonly string[], environment: Environment = {}): number {
  const start = performance.now();
  run(command, environment);
  return performance.now() - start;
}

/** The signals by which Node 26 ends when its compiler fails: docs/performance.md, "Node". */
const CRASHES: readonly unknown[] = ["SIGSEGV", "SIGTRAP"];

/**
 * Runs a program to its end and returns what it printed. One that crashes is run again, at most twice,
 * and each crash is printed.
 */
export function run(command: readonly string[], environment: Environment = {}): string {
  for (let crashes = 0;; crashes++) {
    try {
      return runOnce(command, environment);
    } catch (error) {
      const { cause } = error as Error;
      if (crashes === 2 || !CRASHES.includes(cause)) throw error;
      console.error(`Crashed (${cause}), and is run again: ${command.join(" ")}`);
    }
  }
}

function runOnce(
  [program, ...args]: readonly string[],
  environment: Environment,
): string {
  const { error, status, signal, stdout, stderr } = spawnSync(program as string, args, {
    cwd: root,
    // Without options that would be measured too: colours, a debugger, a cache of compiled code.
    env: {
      ...process.env,
      NO_COLOR: "1",
      NODE_OPTIONS: "",
      NODE_COMPILE_CACHE: undefined,
      ...environment,
    },
    encoding: "utf8",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  if (error === undefined && status === 0) return stdout;
  const reason = error?.message ?? (signal === null ? `exit code ${status}` : `signal ${signal}`);
  const message = `Cannot run ${[program, ...args].join(" ")}: ${reason}\n${stderr}`.trim();
  throw new Error(message, { cause: signal });
}
