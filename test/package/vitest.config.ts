/** The consumer tests: they start what they test as processes of its own, and run on the newest Node. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Not *.test.ts: `npm test` has nothing to do with them.
    include: ["test/package/*.spec.ts"],
    globalSetup: ["test/package/support/unpack.ts"],
    pool: "forks",
    maxConcurrency: 4,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
