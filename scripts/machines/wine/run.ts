// Runs one program in a Windows runtime, under Wine, in a copy of the project:
//
//   node scripts/machines/wine/run.ts deno|bun|node script.ts [arguments]
//
// Its output goes to standard output, and its exit code is this command's.

import { RUNTIMES } from "../machine.ts";
import { catchSignals, program, say } from "../program.ts";
import { openWindows } from "./open.ts";

const MINUTES = 15;

await program("windows", async () => {
  const [name, ...args] = process.argv.slice(2);
  const runtime = RUNTIMES.find((runtime) => runtime === name);
  if (runtime === undefined || args.length === 0) {
    say(`usage: node scripts/machines/wine/run.ts ${RUNTIMES.join("|")} script.ts [arguments]`);
    return 2;
  }
  if (process.platform === "win32") {
    say("this machine is Windows itself: run the program with the runtime");
    return 2;
  }
  catchSignals();
  await using windows = await openWindows();
  const { code, timedOut } = await windows.run(runtime, args, { timeoutMs: MINUTES * 60_000 });
  if (timedOut) say(`no end after ${MINUTES} minutes: it was killed`);
  return code;
});
