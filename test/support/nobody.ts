/** The user nobody, as whom a test runs programs: on Linux, as root. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { root } from "./program.ts";
import { temporaryFolder } from "./system.ts";

/** A command that runs another as nobody. */
export const nobody: readonly string[] = asUser(65534);

/** A command that runs another as a user with this number, who need not be known to the system. */
export function asUser(id: number): string[] {
  return ["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups", "--"];
}

/** Environment variables of a process whose home is that folder, as a runtime's cache is. */
export function homeAt(folder: string): Record<string, string> {
  return { HOME: folder, DENO_DIR: folder };
}

/** A command that runs another with that home. */
export function withHome(folder: string): string[] {
  return ["env", ...Object.entries(homeAt(folder)).map((entry) => entry.join("="))];
}

/** Whether the user can be played here: root, setpriv, and a checkout that nobody may read. */
export const canChangeUser: boolean = process.platform === "linux" && process.getuid?.() === 0 &&
  spawnSync(nobody[0]!, [...nobody.slice(1), "test", "-r", `${root}/mod.ts`]).status === 0;

/** A folder where anybody may make files, and nobody keep a runtime's cache. */
export function anybodysFolder(): { path: string; [Symbol.dispose](): void } {
  const folder = temporaryFolder();
  fs.chmodSync(folder.path, 0o777);
  return folder;
}
