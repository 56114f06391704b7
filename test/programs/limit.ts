/** Duplicates until the limit is reached, twice. */
import * as fs from "node:fs";
import { duplicate, type OwnedHandle } from "duphandle";
import { report, thrownBy } from "./report.ts";

duplicate(1).close();
const before = fs.readdirSync("/proc/self/fd").length;
const first = fill();
const second = fill();
const leaked = fs.readdirSync("/proc/self/fd").length - before;
report({ error: first.error, made: first.made, again: second.made, leaked });

function fill() {
  const copies: OwnedHandle[] = [];
  const error = thrownBy(() => {
    while (true) copies.push(duplicate(1));
  });
  const narrowed = thrownBy(() => duplicate(1, { inheritable: true, minimum: 10 }));
  for (const copy of copies) copy.close();
  return { error, made: copies.length, narrowed };
}
