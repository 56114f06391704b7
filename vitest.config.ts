import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** The names that users import are the ones that the tests import. */
const entries = {
  "duphandle/posix": "ffi/posix.ts",
  "duphandle/win32": "ffi/win32.ts",
  "duphandle/register": "src/register.ts",
  duphandle: "mod.ts",
};

export default defineConfig({
  resolve: {
    alias: Object.entries(entries).map(([name, file]) => ({
      find: new RegExp(`^${name}$`),
      replacement: fileURLToPath(new URL(file, import.meta.url)),
    })),
  },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/setup.ts"],
    // Handles belong to the process, so each file gets a process of its own.
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
