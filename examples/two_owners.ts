/**
 * Two libraries that both insist on closing "their" file get a handle each, so neither closes the
 * other's: `deno run -A examples/two_owners.ts`, or the same with `bun` or `node`.
 */
import * as fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { copyFileHandle } from "duphandle";

/** A library that writes a header, and closes what it was given. */
async function writeHeader(file: FileHandle): Promise<void> {
  await file.write("header\n");
  await file.close();
}

/** Another one, which writes the rest through a stream that closes the file at its end. */
async function writeBody(file: FileHandle): Promise<void> {
  const stream = file.createWriteStream();
  stream.write("body\n");
  await new Promise((resolve) => stream.end(resolve).on("close", resolve));
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const name = path.join(folder, "report.txt");
const file = await open(name, "w");
await writeHeader(await copyFileHandle(file)); // closes its own copy
await writeBody(file); //                         goes on where the header ended, and closes the last
console.log(fs.readFileSync(name, "utf8")); //    header, body
fs.rmSync(folder, { recursive: true });
