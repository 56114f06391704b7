/** Has a thread that ends while it starts a child, and then starts one. */
import { once } from "node:events";
import * as fs from "node:fs";
import { spawn } from "duphandle";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";
import { signalThat } from "./mid_start.ts";

const worker = startWorker(new URL("./abandoned_worker.ts", import.meta.url), {});
await once(worker, "exit");
const locked = fs.readdirSync("/proc/self/fdinfo").filter(isLocked).length;
let nested: Promise<number> | undefined;
const signal = signalThat(() => nested ??= exitOf(spawn("true", [], { stdio: "ignore" })));
const code = await exitOf(spawn("true", [], { stdio: "ignore", signal }));
report({ locked, code, nested: await nested });
process.exit(0);

async function exitOf(child: ReturnType<typeof spawn>): Promise<number> {
  return (await once(child, "exit"))[0] as number;
}

/** Whether a descriptor has a lock of flock(2). */
function isLocked(fd: string): boolean {
  try {
    return fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").includes("FLOCK");
  } catch {
    return false; // it was the one that listed the folder
  }
}
