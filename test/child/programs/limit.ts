/** Starts children with ever fewer descriptors left, so that each step fails once. */
import * as fs from "node:fs";
import { duplicate, type OwnedHandle, spawn } from "duphandle";
import { settled } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

const source = duplicate(1);
const handles = { one: source, two: source, three: source };
await ended();
await settled();
const before = fs.readdirSync("/proc/self/fd").length;
const codes: unknown[] = [];
for (let left = 0; left < 12; left++) {
  const fillers: OwnedHandle[] = [];
  while (thrownBy(() => fillers.push(duplicate(source))) === undefined);
  for (let freed = 0; freed < left; freed++) fillers.pop()?.close();
  codes.push(await ended());
  for (const filler of fillers) filler.close();
}
report({ codes, leaked: fs.readdirSync("/proc/self/fd").length - before });

/** Starts a child that does nothing; how that ended. */
async function ended(): Promise<unknown> {
  try {
    const child = spawn("true", { stdio: "ignore", handles });
    return await new Promise((resolve) => {
      child.once("exit", resolve);
      child.once("error", ({ code }: { code?: unknown }) => resolve(code));
    });
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}
