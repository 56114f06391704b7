/**
 * Format, lint, types, layout and documentation, in one go: `npm run check`; `npm run fmt` also repairs
 * the format and the reference.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { denoPath } from "./binaries.mjs";
import { jsrEntryPoints } from "./npm/description.ts";
import { root } from "./runtimes.ts";

const fix = process.argv.includes("--fix");
const deno = denoPath(root);
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const reference = join(root, "scripts", "reference", "update.ts");
const layout = join(root, "scripts", "check", "layout.ts");
const manifests = join(root, "scripts", "npm", "manifests.ts");
const entries = Object.values(jsrEntryPoints);

const steps: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["format", [deno, "fmt", "--quiet", ...(fix ? [] : ["--check"])]],
  ["lint", [deno, "lint", "--quiet"]],
  ["types (tsc)", [process.execPath, tsc, "--project", root]],
  ["types (deno)", [deno, "check", "--quiet", ...entries, "test/types"]],
  ["layout", [process.execPath, "--no-warnings", layout]],
  ["entry points", [process.execPath, "--no-warnings", manifests]],
  // One by one: each exports the types of its own signatures.
  ...entries.map((entry) =>
    [`documentation of ${entry}`, [deno, "doc", "--quiet", "--lint", entry]] as const
  ),
  ["reference", [process.execPath, "--no-warnings", reference, ...(fix ? [] : ["--check"])]],
];

let failed = 0;
for (const [name, [command, ...args]] of steps) {
  const { status, stdout, stderr } = spawnSync(command as string, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status === 0) {
    const says = stdout.trim();
    console.log(`ok     ${name}${says === "" ? "" : `: ${says}`}`);
    continue;
  }
  failed++;
  console.log(`FAILED ${name}\n${stdout}${stderr}`);
}
process.exitCode = failed === 0 ? 0 : 1;
