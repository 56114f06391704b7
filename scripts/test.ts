/**
 * Runs the test suite on this machine's own system, in every runtime:
 * `npm test -- [--runtime=deno|bun|node|node20] [vitest arguments]`.
 */
import { root, selectRuntimes } from "./runtimes.ts";
import { runSuite } from "./suite/suite.ts";

const { selected, rest } = selectRuntimes(process.argv.slice(2));
const { failed } = runSuite({ folder: root, name: process.platform }, selected, rest);
process.exitCode = failed === 0 ? 0 : 1;
