/**
 * Prints what findHandles() finds, in a process of its own, as a line of JSON: as another user, or where kcmp(2) is
 * forbidden. The arguments: the path of a file, and "no kcmp" where the kernel is not to compare open files.
 */
import { duplicate, findHandles, type FoundHandles } from "duphandle";
import { refuseComparing } from "../../support/seccomp.ts";
import { openRaw } from "../../support/system.ts";

const [path = "", compares] = process.argv.slice(2);
if (compares === "no kcmp") refuseComparing(false);

const shown = (found: FoundHandles) => ({
  raws: found.map(({ pid, raw }) => [pid === process.pid, raw]),
  hidden: found.hidden,
});

using first = openRaw(path, "r");
using copy = duplicate(first);
using other = openRaw(path, "r");
console.log(JSON.stringify({
  pid: process.pid,
  raws: [first, copy, other].map(({ raw }) => raw),
  path: shown(findHandles({ path })),
  object: shown(findHandles(first)),
}));
