/** Copies with fewer and fewer descriptors left, so that each step of a copy fails once. */
import * as fs from "node:fs";
import { copyFileHandle, copyFileHandleSync, duplicate, type OwnedHandle } from "duphandle";
import { descriptorCount, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

// Deno does not survive its own preparations without a free descriptor.
await settled();
const source = duplicate(1);
const before = descriptorCount();

/** What the two copies do while this many descriptors are free. */
async function copiesWith(free: number): Promise<string[]> {
  const fillers: OwnedHandle[] = [];
  try {
    for (;;) fillers.push(duplicate(source));
  } catch {
    // None is free.
  }
  for (let freed = 0; freed < free; freed++) fillers.pop()?.close();
  const outcomes = [
    await copyFileHandle(source).then(async (copy) => {
      await copy.close();
      return "copied";
    }, ({ code }) => code),
  ];
  try {
    fs.closeSync(copyFileHandleSync(source));
    outcomes.push("copied");
  } catch (error) {
    outcomes.push((error as { code: string }).code);
  }
  for (const filler of fillers) filler.close();
  return outcomes;
}

// The first FileHandle of a process needs a descriptor more, by which its class is found.
const first = [await copiesWith(0), await copiesWith(1)];
await copiesWith(3);
const later = [await copiesWith(0), await copiesWith(1)];
report({ first, later, leaked: descriptorCount() - before });
