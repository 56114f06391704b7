/**
 * Makes millions of failing calls in every runtime, with garbage collection, timers, signals and
 * workers going on, and checks every error number; then searches for leaks:
 * `npm run soak -- [--runtime=deno|bun|node|node20] [--calls=…] [--pairs=…] [--messages=…] [--minutes=…] [--seed=…]`.
 *
 * Ten million calls per runtime is the default; CI makes fewer (`--calls=300000 --messages=100000`).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root, type Runtime, selectRuntimes } from "../runtimes.ts";
import { parseOptions } from "./options.ts";

const program = join(root, "scripts", "soak", "program.ts");
/** The program ends itself at the limit; one that hangs in a native call cannot. */
const GRACE_MS = 15_000;

const { selected, rest } = selectRuntimes(process.argv.slice(2));
const options = parseOptions(rest);
const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
for (const runtime of selected) {
  process.stdout.write(`${runtime.label}: `);
  if (await soak(runtime)) continue;
  process.exitCode = 1;
  console.log(`    ${runtime.label} FAILED`);
}

async function soak({ name, command: [executable, ...before] }: Runtime): Promise<boolean> {
  // Without it Node 26 may crash when a worker ends while V8 compiles its hot calls: docs/performance.md.
  const flags = name === "node" ? ["--no-concurrent-recompilation"] : [];
  const child = spawn(executable as string, [...before, ...flags, program, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const limit = setTimeout(() => {
    console.log(`killed: no sign of life after ${options.minutes} minutes`);
    child.kill("SIGKILL");
  }, options.minutes * 60_000 + GRACE_MS);
  const [status, signal] = await once(child, "exit");
  clearTimeout(limit);
  if (signal !== null) console.log(`ended by ${signal}`);
  return status === 0;
}
