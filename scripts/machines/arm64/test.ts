// Runs the test suite in the arm64 Linux builds of Deno, Bun and Node, under qemu:
//
//   node scripts/machines/arm64/test.ts [--runtime=deno|bun|node …] [--minutes=20] [-- vitest arguments]
//
// A report of each goes to reports/arm64-<runtime>.json.

import { runSuite } from "../suite.ts";
import { openArm64 } from "./open.ts";

await runSuite({
  name: "arm64",
  minutes: 20,
  vitestArgs: ["--reporter=dot"],
  real: process.platform === "linux" && process.arch === "arm64" ? "arm64" : undefined,
  open: openArm64,
});
