/** Compiling the yardstick, and running the subjects: each a process of its own. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { root } from "../scripts/runtimes.ts";
import type { Measurement, Plan } from "./timing.ts";

const COMPILERS = ["cc", "gcc", "clang"];

/**
 * Compiles loop.c, pass.c and many.c into a folder.
 *
 * @returns the programs, and the compiler's own first line
 * @throws {Error} when there is no compiler, or it fails
 */
export function compilePrograms(
  folder: string,
): { loop: string; pass: string; many: string; compiler: string } {
  const compiler = COMPILERS.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (compiler === undefined) {
    throw new Error(
      `Cannot measure C: there is no compiler here (${COMPILERS.join(", ")}); ` +
        "install one, such as the package gcc, and run again",
    );
  }
  const compile = (name: string) => {
    const program = join(folder, name);
    run([compiler, "-O2", "-pthread", "-o", program, join(root, "bench", `${name}.c`)]);
    return program;
  };
  return {
    loop: compile("loop"),
    pass: compile("pass"),
    many: compile("many"),
    compiler: run([compiler, "--version"]).split("\n")[0] ?? compiler,
  };
}

/** Lets a subject measure itself once. */
export function measureOnce(command: readonly string[], { batches, size }: Plan): Measurement {
  const output = run([...command, String(batches), String(size)]);
  try {
    return JSON.parse(output) as Measurement;
  } catch (cause) {
    throw new Error(`Cannot read what ${command.join(" ")} printed: ${output}`, { cause });
  }
}

/** The wall time of a program, in milliseconds. */
export function wallTime(command: readonly string[]): number {
  const start = performance.now();
  run(command);
  return performance.now() - start;
}

/** Runs a program to its end and returns what it printed. */
export function run([program, ...args]: readonly string[]): string {
  const { error, status, signal, stdout, stderr } = spawnSync(program as string, args, {
    cwd: root,
    // A tool that colours its output, or a debugger that is attached, would be measured too.
    env: { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "" },
    encoding: "utf8",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  if (error === undefined && status === 0) return stdout;
  const reason = error?.message ?? (signal === null ? `exit code ${status}` : `signal ${signal}`);
  throw new Error(`Cannot run ${[program, ...args].join(" ")}: ${reason}\n${stderr}`.trim());
}
