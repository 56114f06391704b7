/** Copies with fewer and fewer descriptors left, so that each step of a copy fails once. */
import * as fs from "node:fs";
import { copyFileHandle, copyFileHandleSync, duplicate, type OwnedHandle } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

const source = duplicate(1);
await (await copyFileHandle(source)).close();
const before = fs.readdirSync("/proc/self/fd").length;
const codes: unknown[] = [];
for (let left = 0; left < 2; left++) {
  const fillers: OwnedHandle[] = [];
  while (thrownBy(() => fillers.push(duplicate(source))) === undefined);
  for (let freed = 0; freed < left; freed++) fillers.pop()?.close();
  codes.push(thrownBy(() => copyFileHandleSync(source))?.["code"]);
  codes.push(await copyFileHandle(source).then(() => "copied", ({ code }) => code));
  for (const filler of fillers) filler.close();
}
report({ codes, leaked: fs.readdirSync("/proc/self/fd").length - before });
