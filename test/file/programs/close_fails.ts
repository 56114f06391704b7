/**
 * Every function that closes something once its result exists, while each close of the file fails. Reports
 * for each what it read through the result, or the error that it threw, and which warnings came. The
 * arguments are the file and the names of those that are to warn.
 */
import * as fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import {
  borrow,
  copyFileHandle,
  copyFileHandleSync,
  duplicate,
  duplicateMany,
  OwnedHandle,
} from "duphandle";
import { report } from "../../support/report.ts";

const [path, ...warning] = process.argv.slice(2) as [string, ...string[]];
const warnings: unknown[] = [];
const uncaught: unknown[] = [];
process.on("warning", ({ name, code }: Error & { code?: string }) => {
  if (name === "HandleWarning") warnings.push(code);
});
process.on("uncaughtException", (error) => uncaught.push(String(error)));
process.on("unhandledRejection", (error) => uncaught.push(String(error)));

const openFd = () => fs.openSync(path, "r+");
const owned = () => duplicate(openFd());
const read = (fd: number) => {
  const bytes = new Uint8Array(8);
  return new TextDecoder().decode(bytes.subarray(0, fs.readSync(fd, bytes, 0, 8, 0)));
};
/** Puts a handle that is not the runtime's where `node:fs` of Deno can read it too. */
const readHandle = (handle: OwnedHandle) => read(copyFileHandleSync(borrow(handle.raw)));
const consumed = { closeSource: true };
/** Files that nothing closes: Node would close one that is collected, and end the process when that fails. */
const kept: FileHandle[] = [];
const readFile = (file: FileHandle) => {
  kept.push(file);
  return read(file.fd);
};

const cases: Record<string, () => unknown> = {
  "duplicate an owner": () => readHandle(duplicate(owned(), consumed)),
  "duplicate a descriptor": () => readHandle(duplicate(openFd(), consumed)),
  "duplicate a FileHandle": async () => readHandle(duplicate(await open(path), consumed)),
  "duplicate with access and minimum": () =>
    readHandle(duplicate(openFd(), { access: "read", minimum: 50 })),
  "duplicateMany": () => duplicateMany([owned(), openFd()], consumed).map(readHandle).join(),
  "copyFileHandle of an owner": async () => readFile(await copyFileHandle(owned(), consumed)),
  "copyFileHandle of a FileHandle": async () =>
    readFile(await copyFileHandle(await open(path), consumed)),
  "copyFileHandle with access": async () =>
    readFile(await copyFileHandle(openFd(), { access: "read" })),
  "copyFileHandleSync": () => read(copyFileHandleSync(openFd(), consumed)),
  "copyFileHandleSync with access": () => read(copyFileHandleSync(openFd(), { access: "read" })),
  "toFd": () => read(owned().toFd()),
  "toFileHandle": async () => readFile(await owned().toFileHandle()),
  "fromFd of a descriptor": () => readHandle(OwnedHandle.fromFd(openFd())),
  "fromFd of a FileHandle": async () => readHandle(OwnedHandle.fromFd(await open(path))),
};

const outcomes: Record<string, unknown> = {};
for (const [name, run] of Object.entries(cases)) {
  warnings.length = 0;
  let outcome: unknown;
  try {
    outcome = await run();
  } catch (error) {
    outcome = String(error);
  }
  // A FileHandle closes in the background, and a warning comes in a later turn of the event loop.
  do await new Promise((resolve) => setTimeout(resolve, 5)); while (
    warning.includes(name) && warnings.length === 0
  );
  outcomes[name] = [outcome, ...new Set(warnings)];
}
report({ outcomes, uncaught });
// The descriptors that could not be closed belong to files that would be closed once more.
process.exit();
