/** Runs the example files that are its arguments, one after the other. */
import { pathToFileURL } from "node:url";
import { leftOpen, openHandles, settled } from "../support/open_handles.ts";
import { openOnce } from "../support/windows_objects.ts";
import { report } from "./report.ts";

const files = process.argv.slice(2).filter((argument) => /\d+\.ts$/.test(argument));
const failed: [at: number, why: string][] = [];
await import("node:fs/promises");
await settled();
await openOnce();

// Deno calls the third import that fails at a top-level await one that never ends, when nothing else
// is pending.
const pending = setInterval(() => {}, 1e9);
for (const [at, file] of files.entries()) {
  const before = openHandles();
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    // What a system or a runtime cannot do it says so; the support table tells where.
    if (process.platform === "win32" && (error as { code?: unknown }).code === "ENOTSUP") continue;
    failed.push([at, error instanceof Error ? error.stack ?? error.message : String(error)]);
  }
  const left = await leftOpen(before);
  if (left.length > 0 && at > 0) failed.push([at, `left open: ${left}`]);
}
clearInterval(pending);
report(failed);
