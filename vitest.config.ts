import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { entryPoints, specifier } from "./scripts/npm/description.ts";

/** The names that users import are the ones that the tests import. */
const alias = Object.entries(entryPoints).map(([name, module]) => ({
  find: new RegExp(`^${specifier(name)}$`),
  replacement: fileURLToPath(new URL(module, import.meta.url)),
}));

export default defineConfig({
  // Where the npm package is tested, they lead to it.
  resolve: { alias: process.env["DUPHANDLE_PACKAGE"] === undefined ? alias : [] },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/compiled.ts"],
    setupFiles: ["test/support/setup.ts"],
    // Handles belong to the process. Every test leaves them as they were (setup.ts), so that a process
    // can do one file after the other; Wine is left to start a new one for each.
    pool: "forks",
    isolate: process.platform !== "linux",
    // Most of the time they wait for processes. Under an emulation there is no power for two.
    maxWorkers: process.platform === "linux" ? 2 : 1,
    // They end what hangs. Nothing that works comes near them, also on a slow machine with other work.
    testTimeout: 600_000,
    hookTimeout: 300_000,
    // CI runs a test that fails once more, and tells of it.
    retry: Number(process.env["DUPHANDLE_RETRY"] ?? 0),
  },
});
