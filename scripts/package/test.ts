/**
 * Builds the npm package, packs it, and tests it as users have it: each kind of consumer, then the whole
 * suite in every runtime: `npm run test:package`. With arguments, those of `npm test`, it runs that part of
 * the suite alone; `npm run test:consumers` runs the consumers alone.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { OUTPUT } from "../npm/description.ts";
import { root, selectRuntimes } from "../runtimes.ts";
import { runSuite } from "../suite/suite.ts";
import { stageSuite } from "./suite.ts";

const all = process.argv.slice(2);
await import("../build.ts");
let failed = all.length === 0 && process.platform === "linux" ? consumers() : 0;

const { selected, rest } = selectRuntimes(all);
const folder = await stageSuite(join(root, OUTPUT));
failed += runSuite({ folder, name: "package", env: { DUPHANDLE_PACKAGE: "1" } }, selected, rest)
  .failed;
process.exitCode = failed === 0 ? 0 : 1;

/** Runs the consumers' tests, in a process of their own, which they end with; returns 1 if they fail. */
function consumers(): number {
  const script = join(import.meta.dirname, "consumers.ts");
  return spawnSync(process.execPath, [script], { stdio: "inherit" }).status === 0 ? 0 : 1;
}
