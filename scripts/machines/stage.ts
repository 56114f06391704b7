// A copy of the project for one run: it has node_modules of another system, and a runtime may write its
// caches into it.

import { copyFileSync, linkSync, lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../runtimes.ts";
import { mustRun } from "./host.ts";

/** Makes the copy, with these packages as its `node_modules`. */
export async function stageProject(project: string, modules: string): Promise<void> {
  await copyFiles(project);
  linkTree(modules, join(project, "node_modules"));
}

/**
 * Copies the files that git would: tracked, or new and not ignored. A file deleted from the checkout
 * is still listed until the next commit, and is left out.
 */
export async function copyFiles(to: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const files = await mustRun("git", ["-C", root, ...list]);
  for (const file of new Set(files.split("\0"))) {
    const source = join(root, file);
    if (file === "" || lstatSync(source, { throwIfNoEntry: false }) === undefined) continue;
    if (statSync(source).isDirectory()) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    copyFileSync(source, join(to, file));
  }
}

/**
 * Puts a tree into another place without copying: hard links, so that the project can have plain
 * folders of its own to write caches into, while the files exist once.
 */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) linkTree(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile()) linkSync(join(from, entry.name), join(to, entry.name));
    // Symbolic links are node_modules/.bin alone: programs are started by their files here.
  }
}
