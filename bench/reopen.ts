/**
 * What a program can do without this library: it opens the file again by the path that Linux has for a
 * descriptor, and closes it, `reopen.ts BATCHES SIZE`. It is not the same: the new open file has a
 * position of its own, the permissions of the path are checked again, and a socket cannot be opened.
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
