/** The user nobody, as whom a test runs programs: on Linux, as root. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { root } from "./program.ts";
import { temporaryFolder } from "./system.ts";

/** A command that runs another as nobody. */
export const nobody: readonly string[] = [
  "setpriv",
  "--reuid=65534",
  "--regid=65534",
  "--clear-groups",
  "--",
];

/** Whether the user can be played here: root, setpriv, and a checkout that nobody may read. */
export const canChangeUser: boolean = process.platform === "linux" && process.getuid?.() === 0 &&
  spawnSync(nobody[0]!, [...nobody.slice(1), "test", "-r", `${root}/mod.ts`]).status === 0;

/** A folder where anybody may make files, and nobody keep a runtime's cache. */
export function anybodysFolder(): { path: string; [Symbol.dispose](): void } {
  const folder = temporaryFolder();
  fs.chmodSync(folder.path, 0o777);
  return folder;
}
