/** Runs the demo in every runtime: `npm run demo -- [FILE] [--runtime=deno|bun|node|node20]`. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { root, selectRuntimes } from "./runtimes.ts";

const { selected, rest } = selectRuntimes(process.argv.slice(2));
const file = rest[0] === undefined ? "README.md" : resolve(rest[0]);
let failed = 0;

for (const { label, command } of selected) {
  console.log(`\n${label}`);
  const [executable, ...before] = command;
  const args = [...before, join(root, "examples", "demo.ts"), file];
  const { status } = spawnSync(executable as string, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) failed++;
}

console.log(
  failed === 0
    ? `\nThe demo worked in ${
      selected.length === 1 ? "this runtime" : `all ${selected.length} runtimes`
    }`
    : `\nThe demo failed in ${failed} of ${selected.length} runtimes`,
);
process.exitCode = failed === 0 ? 0 : 1;
