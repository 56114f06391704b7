/** Children that run a program beside the tests, in the runtime of the test. */
import { type HandleSpawnOptions, spawn } from "duphandle";
import { childFiles } from "./child_files.ts";
import { commandFor, programPath } from "./program.ts";
import { isDeno, isWindows } from "./system.ts";

/** The environment variable that lists the handles of a child. */
export const HANDLES_VARIABLE = "DUPHANDLE_HANDLES";

/** Deno's worker threads lack a call under Wine. */
export const lacksWorkers: boolean = isDeno && isWindows;

/** What child/programs/inherited_names.ts reports. */
export interface NamesReport {
  readonly error?: Record<string, unknown>;
  readonly names: string[];
  readonly taken: (Record<string, unknown> | undefined)[];
  readonly unknown: Record<string, unknown>;
}

/** Starts a program with these options, and gives what it reports. */
export async function childOf(
  name: string,
  options: Omit<HandleSpawnOptions, "channel">,
): Promise<unknown> {
  using files = childFiles();
  const [command, ...args] = commandFor(programPath(name)) as [string, ...string[]];
  const env = Object.assign(options.env ?? {}, files.options.env);
  return await files.result(spawn(command, args, { ...files.options, ...options, env }));
}
