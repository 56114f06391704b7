/** The consumer tests: they start what they test as processes of its own, and run on the newest Node. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Not *.test.ts: `npm test` has nothing to do with them.
    include: ["test/consumers/*.spec.ts"],
    globalSetup: ["test/consumers/support/unpack.ts"],
    pool: "forks",
    maxConcurrency: 4,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
