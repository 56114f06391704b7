import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";

const source = path.resolve(import.meta.dirname, "..", "..", "src");

test("no module of the library loads all the system calls of a system at the start", () => {
  const files = fs.readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(50);
  // ffi/posix/mod.ts and ffi/win32/mod.ts are for users, and lead to every room.
  const found = files.filter((file) =>
    /ffi\/(posix|win32)\/mod\.ts"/.test(fs.readFileSync(path.join(source, file), "utf8"))
  );
  expect(found).toEqual([]);
});
