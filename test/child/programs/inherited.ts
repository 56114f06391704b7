/** A child that asks for what it was given in every way, and tells what came of it. */
import { spawnSync } from "node:child_process";
import { inherited, inheritedNames } from "duphandle";
import { closeRaw, isWindows, readRaw } from "../../support/system.ts";
import { report, thrownBy } from "../../support/report.ts";

const VARIABLE = "DUPHANDLE_HANDLES";
const told = process.env[VARIABLE];
const unknown = thrownBy(() => inherited("nobody"));
const after = process.env[VARIABLE];
const names = inheritedNames();
const [first, second] = names as [string, string];
const handle = inherited(first);
const text = readRaw(handle.raw, 3);
const twice = thrownBy(() => inherited(first));
const copy = handle.duplicate();
const flags = [handle, copy].map(({ inheritable }) => inheritable);
// Whoever closes a handle that was not taken yet closes the child's only one.
const number = Number(new URLSearchParams(told).get(second));
closeRaw(number);
const closed = thrownBy(() => inherited(second));
const kinds = [5, undefined, null].map((name) =>
  thrownBy(() => inherited(name as never))?.["name"]
);
// A descendant gets neither the handle nor the news of it.
const grandchild = isWindows
  ? undefined
  : spawnSync("sh", ["-c", `ls -l /proc/$$/fd; echo "[$${VARIABLE}]"`]).stdout.toString();
const again = inheritedNames();
report({
  told,
  unknown,
  after,
  names,
  text,
  twice,
  flags,
  closed,
  kinds,
  grandchild,
  again,
  number,
});
handle.close();
copy.close();
