// Runs the test suite in the Windows builds of Deno, Bun and Node, under Wine:
//
//   node scripts/machines/wine/test.ts [--runtime=deno|bun|node …] [--minutes=45] [-- vitest arguments]
//
// A report of each goes to reports/windows-<runtime>.json.

import { runSuite } from "../suite.ts";
import { openWindows } from "./open.ts";

await runSuite({
  name: "windows",
  minutes: 45,
  // Deno's worker threads lack a call under Wine; what works for it is fine for all.
  vitestArgs: ["--pool=forks", "--reporter=default"],
  real: process.platform === "win32" ? "Windows" : undefined,
  open: openWindows,
});
