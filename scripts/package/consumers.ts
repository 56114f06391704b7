/**
 * Tests the packed npm package as its users have it, each in an empty project:
 * `node scripts/run.mjs scripts/package/consumers.ts [vitest arguments]`. It tests what `npm run build`
 * left in `npm/`. The report goes to reports/consumers.json.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { runHost } from "../machines/host.ts";
import { catchSignals, program, say, secondsSince } from "../machines/program.ts";
import { OUTPUT } from "../npm/description.ts";
import { newReport, readRun, show } from "../suite/reports.ts";
import { root } from "../runtimes.ts";
import { openTools } from "./tools.ts";

/** The most that the tests may take. */
const MINUTES = 20;

await program("consumers", async () => {
  const packed = findPacked();
  catchSignals();
  await using opened = await openTools();
  const started = Date.now();
  const report = newReport("consumers");
  const status = await vitest(report, {
    DUPHANDLE_PACKED: packed,
    DUPHANDLE_TOOLS: opened.tools,
    DUPHANDLE_SESSION: opened.session,
  });
  const counts = readRun(report, status);
  say(`${show(counts)} after ${secondsSince(started)} s`);
  return counts.failed === 0 ? 0 : 1;
});

/** The packed file that the build left. */
function findPacked(): string {
  const [found, ...others] = globSync(join(root, OUTPUT, "*.tgz"));
  if (found !== undefined && others.length === 0) return found;
  throw new Error(`no one packed file in ${join(root, OUTPUT)}: run npm run build`);
}

/** Runs the tests; returns how vitest ended. */
async function vitest(report: string, env: Record<string, string>): Promise<number> {
  const { code, timedOut } = await runHost(process.execPath, [
    join(root, "node_modules", "vitest", "vitest.mjs"),
    "run",
    "--config=test/package/vitest.config.ts",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ], { cwd: root, env: { ...process.env, ...env }, outputFd: 1, timeoutMs: MINUTES * 60_000 });
  if (timedOut) say(`no end after ${MINUTES} minutes: it was killed`);
  return code;
}
