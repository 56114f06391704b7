/**
 * What one would do without this library: opening the file again by the name that Linux has for a
 * descriptor, and closing that, `reopen.ts BATCHES SIZE`. It is not the same: the new open file has a
 * position of its own, the path's permissions are asked again, and no socket can be opened so.
 */
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { openFiles, report } from "./timing.ts";

const files = openFiles();
const { bun, deno, node } = process.versions;

report((deno ?? bun ?? node) as string, {
  pair(count) {
    const path = `/proc/self/fd/${files.source}`;
    for (let at = 0; at < count; at++) closeSync(openSync(path, "r"));
  },
}, files);
