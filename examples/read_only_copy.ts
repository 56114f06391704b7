/**
 * A copy that can only be read, for code that is not trusted with the file itself:
 * `deno run -A examples/read_only_copy.ts`, or the same with `bun` or `node`.
 */
import * as fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { copyFileHandle, CopyFlags } from "duphandle";

/** Code from elsewhere, which is to read and tries to write. */
async function untrusted(file: FileHandle): Promise<void> {
  console.log("it reads:", await file.readFile("utf8"));
  try {
    await file.write("forged");
  } catch (error) {
    console.log("it cannot write:", (error as { code?: string }).code);
  }
  await file.close();
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const name = path.join(folder, "ledger.txt");
fs.writeFileSync(name, "10 coins");
const file = await open(name, "r+");
await untrusted(await copyFileHandle(file, CopyFlags.ReadOnly));
await file.write("20", 0); // the file itself is as writable as before
await file.close();
console.log("in the end:", fs.readFileSync(name, "utf8"));
fs.rmSync(folder, { recursive: true });
