// Runs a part of the test suite as test.ts does, but on all processors of the machine:
//
//   node scripts/machines/wine/unpinned.ts [--runtime=deno|bun|node …] [--minutes=15] [-- vitest arguments]
//
// Where threads never run at once, no test can show that one takes the number of a handle which another one
// exchanges. Without arguments of vitest it runs the tests of what such a race could break.
// A report of each goes to reports/unpinned-<runtime>.json.

import { runSuite } from "../suite.ts";
import { openWindows } from "./open.ts";

await runSuite({
  name: "unpinned",
  minutes: 15,
  vitestArgs: ["--pool=forks", "--reporter=default"],
  files: [
    "test/file/adoption.test.ts",
    "test/handle/deno_windows.test.ts",
    "test/handle/deno_windows_theft.test.ts",
    "test/redirect/windows.test.ts",
    "test/channel/windows_handles.test.ts",
    "test/channel/windows_server.test.ts",
    "test/child/spawn.test.ts",
    "test/pool/windows.test.ts",
  ],
  real: process.platform === "win32" ? "Windows" : undefined,
  open: () => openWindows({ pinned: false }),
});
