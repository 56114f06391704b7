// Runs one program in a Windows runtime, under Wine, in a copy of the project:
//
//   node scripts/windows/run.ts deno|bun|node script.ts [arguments]
//
// Its output goes to standard output, and its exit code is this command's.

import { catchSignals, say } from "./host.ts";
import { RUNTIMES } from "./runtimes.ts";
import { runWindows } from "./wine.ts";

const [name, ...args] = process.argv.slice(2);
const runtime = RUNTIMES.find((runtime) => runtime === name);
if (runtime === undefined || args.length === 0) {
  say(`usage: node scripts/windows/run.ts ${RUNTIMES.join("|")} script.ts [arguments]`);
  process.exit(2);
}
if (process.platform === "win32") {
  say("this machine is Windows itself: run the program with the runtime");
  process.exit(2);
}
catchSignals();
try {
  const { code, timedOut } = await runWindows(runtime, args, {
    onOutput: (text) => process.stdout.write(text),
  });
  if (timedOut) say("no end after 15 minutes: it was killed");
  process.exitCode = code;
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
