/** Where a child that a test starts itself writes to, in the way of report.ts. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "vitest";
import { root } from "../../scripts/runtimes.ts";
import { temporaryFolder } from "./system.ts";

/** The files of one child, until they are disposed of. */
export interface ChildFiles extends Disposable {
  readonly folder: string;
  /** What the child is started with. */
  readonly options: {
    readonly stdio: ["ignore", number, number];
    readonly env: NodeJS.ProcessEnv;
    readonly cwd: string;
  };
  /** Waits for the child's end, which must be a good one, and gives what it reported. */
  result(child: ChildProcess): Promise<unknown>;
  /** What it wrote, to standard output and to standard error. */
  output(): string;
}

/** Makes the files. They are no pipes: Node for Windows does not survive one under Wine. */
export function childFiles(): ChildFiles {
  const folder = temporaryFolder();
  const outputFile = path.join(folder.path, "output.txt");
  const resultFile = path.join(folder.path, "result.json");
  const fd = fs.openSync(outputFile, "w");
  const output = () => fs.readFileSync(outputFile, "utf8");
  return {
    folder: folder.path,
    options: {
      stdio: ["ignore", fd, fd],
      env: { ...process.env, DUPHANDLE_RESULT: resultFile, NO_COLOR: "1" },
      cwd: root,
    },
    async result(child) {
      const [code] = await once(child, "exit");
      if (code !== 0) expect(code, output()).toBe(0);
      return fs.existsSync(resultFile)
        ? JSON.parse(fs.readFileSync(resultFile, "utf8"))
        : undefined;
    },
    output,
    [Symbol.dispose]() {
      fs.closeSync(fd);
      folder[Symbol.dispose]();
    },
  };
}
