/** Runs the example files that are its arguments, one after the other. */
import * as fs from "node:fs";
import { pathToFileURL } from "node:url";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { openOnce } from "../../support/windows_objects.ts";
import { report } from "../../support/report.ts";

const files = process.argv.slice(2).filter((argument) => /\d+\.ts$/.test(argument));
/** Those that failed: why, and the code of the error if it has one. */
const failed: [at: number, why: string, code?: unknown][] = [];
await import("node:fs/promises");
await settled();
await openOnce();

// Deno calls the third import that fails at a top-level await one that never ends, when nothing else
// is pending.
const pending = setInterval(() => {}, 1e9);
for (const [at, file] of files.entries()) {
  try {
    let left = await run(file);
    // A runtime may open something for itself just then. A leak comes again each time.
    for (let again = 1; left.length > 0 && again <= 3; again++) {
      left = await run(copyOf(file, again));
    }
    if (left.length > 0) failed.push([at, `left open: ${left}`]);
  } catch (error) {
    const why = error instanceof Error ? error.stack ?? error.message : String(error);
    failed.push([at, why, (error as { code?: unknown } | undefined)?.code]);
  }
}
clearInterval(pending);
report(failed);

/** Runs an example; returns the handles that it left open. */
async function run(file: string): Promise<string[]> {
  const before = openHandles();
  await import(pathToFileURL(file).href);
  return await leftOpen(before);
}

/** Under another name a runtime runs it once more. */
function copyOf(file: string, again: number): string {
  const copy = file.replace(/\.ts$/, `-again${again}.ts`);
  fs.copyFileSync(file, copy);
  return copy;
}
