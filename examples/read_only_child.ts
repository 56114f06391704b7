/**
 * A child process that gets a read-only view of a file that its parent writes: not its path, and
 * nothing else. `deno run -A examples/read_only_child.ts`, or the same with `bun` or `node`.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { duplicate, inherited, inheritedNames, spawn } from "duphandle";

const me = fileURLToPath(import.meta.url);
await (inheritedNames().includes("ledger") ? child() : parent());

async function parent(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
  const ledger = fs.openSync(path.join(folder, "ledger.txt"), "w+");
  const answers = fs.openSync(path.join(folder, "answers.txt"), "w+");
  fs.writeSync(ledger, "10 coins");
  using view = duplicate(ledger, { access: "read" });
  const args = "Deno" in globalThis ? ["run", "-A", me] : [...process.execArgv, me];
  const handles = { ledger: view, answers };
  const started = spawn(process.execPath, args, { stdio: "ignore", handles });
  await new Promise((resolve) => started.once("exit", resolve));
  console.log(fs.readFileSync(path.join(folder, "answers.txt"), "utf8"));
  console.log("in the end:", fs.readFileSync(path.join(folder, "ledger.txt"), "utf8"));
  for (const file of [ledger, answers]) fs.closeSync(file);
  fs.rmSync(folder, { recursive: true });
}

async function child(): Promise<void> {
  const ledger = await inherited("ledger").toFileHandle();
  const answers = await inherited("answers").toFileHandle();
  const { buffer, bytesRead } = await ledger.read(new Uint8Array(100), 0, 100, 0);
  const text = new TextDecoder().decode(buffer.subarray(0, bytesRead));
  await answers.write(`the child reads: ${text}\n`);
  try {
    await ledger.write("forged");
  } catch (error) {
    await answers.write(`it cannot write: ${(error as { code?: string }).code}`);
  }
  await ledger.close();
  await answers.close();
}
