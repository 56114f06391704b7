/**
 * Copies where the program has wrapped `fs.promises.open`, so that the library cannot find out how the class
 * of files is constructed.
 */
import * as fs from "node:fs";

const [path, how] = process.argv.slice(2) as [string, string];
const { promises } = fs;
const open = promises.open;

/** A class that is constructed of a file. */
class Wrapped {
  readonly file: fs.promises.FileHandle;
  constructor(file: fs.promises.FileHandle) {
    this.file = file;
  }
  get fd(): number {
    return this.file.fd;
  }
  read(options: { position: number }): unknown {
    return this.file.read(options);
  }
  close(): unknown {
    return this.file.close();
  }
}

(promises as { open: unknown }).open = async (...args: Parameters<typeof open>) => {
  const file = await open(...args);
  if (how === "wraps") return new Wrapped(file);
  if (how === "object") {
    const { fd } = file;
    return {
      fd,
      read: (options: { position: number }) => file.read(options),
      close: () => file.close(),
    };
  }
  const value = class {
    constructor() {
      throw new Error("no FileHandle is made here");
    }
  };
  return Object.defineProperty(file, "constructor", { value });
};

// The library keeps the functions that are there when it is imported, which these do too.
const { copyFileHandle, duplicate } = await import("duphandle");
const { descriptorCount } = await import("../../support/open_handles.ts");
const { report } = await import("../../support/report.ts");
const source = fs.openSync(path, "r+");
const before = descriptorCount();
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
report({ texts, leaked: descriptorCount() - before });
