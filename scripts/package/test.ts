/**
 * Builds the npm package, packs it, and tests it as users have it: each kind of consumer, then the whole
 * suite in every runtime: `npm run test:package -- [--runtime=deno|bun|node|node20] [vitest arguments]`.
 */
import { join } from "node:path";
import { OUTPUT } from "../npm/description.ts";
import { root, selectRuntimes } from "../runtimes.ts";
import { runSuite } from "../suite.ts";
import { stageSuite } from "./suite.ts";

const { selected, rest } = selectRuntimes(process.argv.slice(2));
await import("../build.ts");
const folder = await stageSuite(join(root, OUTPUT));
const env = { DUPHANDLE_PACKAGE: "1" };
const { failed } = runSuite({ folder, name: "package", env }, selected, rest);
process.exitCode = failed === 0 ? 0 : 1;
