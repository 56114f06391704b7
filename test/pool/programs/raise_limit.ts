/** Raises the limit of descriptors, which most runtimes have done already: so it is lowered before. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { duplicate, raiseDescriptorLimit } from "duphandle";
import { report } from "../../support/report.ts";

const softLimit = () =>
  Number(/Max open files\s+(\d+)/.exec(fs.readFileSync("/proc/self/limits", "utf8"))?.[1]);

spawnSync("prlimit", ["--nofile=300:700", `--pid=${process.pid}`]);
const lowered = softLimit();
const raised = raiseDescriptorLimit();
const again = raiseDescriptorLimit();
const file = fs.openSync("/dev/null", "r");
const high = duplicate(file, { minimum: 699 });
report({ lowered, raised, again, now: softLimit(), last: high.raw });
high.close();
fs.closeSync(file);
