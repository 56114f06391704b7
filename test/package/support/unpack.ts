/** Unpacks the packed package once, for every test. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder for what the tests make, outside the checkout. */
    session: string;
    /** The packed file. */
    packed: string;
    /** The folder `package` that was in it. */
    unpacked: string;
    /** The pinned tools: a folder with packages. */
    tools: string;
  }
}

/** Runs before all tests. scripts/package/consumers.ts says where things are. */
export default function setup({ provide }: TestProject): void {
  const session = said("DUPHANDLE_SESSION");
  // A copy: the package may be built anew while the tests run.
  const packed = path.join(session, path.basename(said("DUPHANDLE_PACKED")));
  fs.copyFileSync(said("DUPHANDLE_PACKED"), packed);
  execFileSync("tar", ["--extract", "--gzip", "--file", packed], { cwd: session });
  provide("session", session);
  provide("packed", packed);
  provide("unpacked", path.join(session, "package"));
  provide("tools", said("DUPHANDLE_TOOLS"));
}

function said(name: string): string {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new Error(
    `Cannot test without ${name}: run scripts/package/consumers.ts`,
  );
}
