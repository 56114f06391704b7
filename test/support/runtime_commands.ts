/** The commands of every runtime that there is on this system, for tests with two of them. */
import * as fs from "node:fs";
import * as path from "node:path";
import { bunPath, denoPath, node20Path, nodePath } from "../../scripts/binaries.mjs";
import { root, type RuntimeName } from "../../scripts/runtimes.ts";
import { startCompiled } from "./program.ts";

/** A runtime, and how it starts a script. */
export interface RuntimeCommand {
  readonly name: RuntimeName;
  /** What comes before the script. */
  readonly command: readonly string[];
}

/**
 * The runtimes that run here, whichever runs the test. The oldest Node, which starts TypeScript by a
 * loader, is one of them where it is installed: the emulated machines do not have it.
 */
export function runtimeCommands(): RuntimeCommand[] {
  const config = path.join(root, "deno.json");
  const deno = ["run", "--quiet", "--no-prompt", "--no-check", `--config=${config}`, "-A"];
  const commands: RuntimeCommand[] = [
    { name: "deno", command: [denoPath(root), ...deno] },
    { name: "bun", command: [bunPath(root)] },
    { name: "node", command: [nodePath(root), "--disable-warning=ExperimentalWarning"] },
  ];
  if (!fs.existsSync(path.join(root, "scripts", "node20", "node_modules"))) return commands;
  return [...commands, { name: "node20", command: [node20Path(root), startCompiled] }];
}
