/** Empty projects that use the package, and commands that run in them. */
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { inject } from "vitest";

/** The folder of the programs that projects get copies of. */
const programs = path.resolve(import.meta.dirname, "..", "programs");

/** A project in a folder of its own, until it is disposed of. */
export interface Project extends Disposable {
  readonly folder: string;
  /** Runs a command there, to its end. */
  run(
    command: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Outcome>;
  /** Runs a command that must end with 0; returns its standard output. */
  output(
    command: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<string>;
}

/** How a command ended. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** What is in a new project. */
export interface ProjectOptions {
  /** Files of test/package/programs. */
  readonly programs?: readonly string[];
  /** Further files, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Tools that are installed beside duphandle: `to: from` for one that has another name there. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Fields of its package.json. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Whether duphandle is installed. @default true */
  readonly installed?: boolean;
}

/** Makes a project. Its file.txt is what the work in programs/work.cjs reads. */
export function project(options: ProjectOptions = {}): Project {
  const folder = fs.mkdtempSync(path.join(inject("session"), "project-"));
  for (const name of options.programs ?? []) {
    write(folder, name, readProgram(name));
  }
  const { installed = true, packages = {} } = options;
  const manifest = {
    private: true,
    ...(installed ? { dependencies: { duphandle: "*" } } : {}),
    ...options.manifest,
  };
  write(folder, "package.json", JSON.stringify(manifest));
  write(folder, "file.txt", "firstsecond");
  for (const [name, text] of Object.entries(options.files ?? {})) {
    write(folder, name, text);
  }
  const modules = path.join(folder, "node_modules");
  if (installed) {
    fs.cpSync(inject("unpacked"), path.join(modules, "duphandle"), { recursive: true });
  }
  for (const [name, tool] of Object.entries(packages)) {
    const link = path.join(modules, name);
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(toolPath(tool), link);
  }
  const runHere: Project["run"] = (command, env) => run(folder, command, env);
  return {
    folder,
    run: runHere,
    async output(command, env) {
      const { code, output, errors } = await runHere(command, env);
      if (code === 0) return output;
      throw new Error(`${command.join(" ")} ended with ${code}:\n${output}\n${errors}`);
    },
    [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

/** The text of a file of test/package/programs. */
export function readProgram(name: string): string {
  return fs.readFileSync(path.join(programs, name), "utf8");
}

/** A file of the pinned tools. */
export function toolPath(...names: readonly string[]): string {
  return path.join(inject("tools"), "node_modules", ...names);
}

/** Runs a command to its end. Nothing of what the test run has in its environment gets there. */
export function run(
  cwd: string,
  [command = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { PATH = "", HOME = "" } = process.env;
  const options = {
    cwd,
    env: { PATH, HOME, NO_COLOR: "1", DENO_DIR: path.join(inject("session"), "deno"), ...env },
    timeout: 200_000,
    maxBuffer: 1 << 26,
  };
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const child = execFile(command, args, options, (error, output, errors) => {
    const code = error?.code ?? 0;
    if (typeof code === "number" && error?.killed !== true) {
      return resolve({ code, output, errors });
    }
    reject(new Error(`${command} wrote:\n${output}${errors}`, { cause: error }));
  });
  child.stdin?.end();
  return promise;
}

function write(folder: string, name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
}
