/** Raises the limit of descriptors, which most runtimes have done already: so it is lowered before. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { closeMany, duplicate, type OwnedHandle, raiseDescriptorLimit } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

const softLimit = () =>
  Number(/Max open files\s+(\d+)/.exec(fs.readFileSync("/proc/self/limits", "utf8"))?.[1]);

spawnSync("prlimit", ["--nofile=300:700", `--pid=${process.pid}`]);
const lowered = softLimit();
const before = adviceWhenFull();
const raised = raiseDescriptorLimit();
const again = raiseDescriptorLimit();
const file = fs.openSync("/dev/null", "r");
const high = duplicate(file, { minimum: 699 });
report({
  ...{ lowered, raised, again, now: softLimit(), last: high.raw },
  advice: [before, adviceWhenFull()],
});
high.close();
fs.closeSync(file);

/** What the error advises when there is no descriptor left. */
function adviceWhenFull(): unknown {
  const copies: OwnedHandle[] = [];
  const error = thrownBy(() => {
    while (true) copies.push(duplicate(1));
  });
  closeMany(copies);
  return error?.["message"];
}
