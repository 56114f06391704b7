/**
 * Captures what this process, native code in it and its children print:
 * `deno run -A examples/capture_stdout.ts`, or the same with `bun` or `node`. On Windows: Node.
 */
import { redirect } from "duphandle";
import { write } from "duphandle/posix";
import { GetStdHandle, STD_OUTPUT_HANDLE, WriteFile } from "duphandle/win32";
import { execSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const printed = capture(() => {
  console.log("from console.log");
  printByTheSystem("from the system\n");
  execSync("echo from a child", { stdio: "inherit" });
});
console.log(`captured:\n${printed.replaceAll(/^(?=.)/gm, "  ").trimEnd()}`);

/** Prints past the runtime, as native code does. */
function printByTheSystem(text: string): void {
  const bytes = new TextEncoder().encode(text);
  if (process.platform === "win32") WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes);
  else write(1, bytes);
}

/** What is printed while the function runs, whoever prints it. */
function capture(run: () => void): string {
  const folder = mkdtempSync(join(tmpdir(), "capture-"));
  const file = join(folder, "printed.txt");
  const fd = openSync(file, "w");
  try {
    using _ = redirect(1, fd);
    run();
  } finally {
    closeSync(fd);
  }
  const text = readFileSync(file, "utf8");
  rmSync(folder, { recursive: true });
  return text;
}
