/**
 * Copies where the program has given each FileHandle a `constructor` that constructs none, as a wrapper of
 * `fs.promises.open` may: the library cannot find out how the class is constructed.
 */
import * as fs from "node:fs";

const { promises } = fs;
const open = promises.open;
let constructions = 0;
(promises as { open: unknown }).open = async (...args: Parameters<typeof open>) => {
  const file = await open(...args);
  const value = class {
    constructor() {
      constructions++;
      throw new Error("no FileHandle is made here");
    }
  };
  return Object.defineProperty(file, "constructor", { value });
};

// The library keeps the functions that are there when it is imported, which these do too.
const { copyFileHandle, duplicate } = await import("duphandle");
const { openHandles } = await import("../../support/open_handles.ts");
const { report } = await import("../../support/report.ts");
const source = fs.openSync(process.argv[2]!, "r+");
const before = openHandles().length;
const copies = [
  await copyFileHandle(source),
  await copyFileHandle(source, { inheritable: true }),
  await duplicate(source).toFileHandle(),
];
const texts: string[] = [];
for (const copy of copies) {
  const { bytesRead, buffer } = await copy.read({ position: 0 });
  texts.push(new TextDecoder().decode(buffer.subarray(0, bytesRead)));
  await copy.close();
}
report({ texts, constructions, leaked: openHandles().length - before });
