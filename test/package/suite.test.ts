/** Where the suite runs on the built package, it runs on nothing else. */
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { borrow } from "duphandle";
import { expect, it } from "vitest";
import { root, runProgram } from "../support/program.ts";

const built = pathToFileURL(path.join(root, "node_modules", "duphandle")).href;
const ofPackage = process.env["DUPHANDLE_PACKAGE"] !== undefined;

it.runIf(ofPackage)("a program's imports lead to the package", () => {
  const { result } = runProgram("support/resolved.ts");
  expect(result).toEqual([
    `${built}/esm/mod.js`,
    `${built}/esm/ffi/posix/mod.js`,
  ]);
});

it.runIf(ofPackage)("a test's imports lead to the package", () => {
  let thrown: unknown;
  try {
    borrow(-5);
  } catch (error) {
    thrown = error;
  }
  expect((thrown as Error).stack).toContain(path.join("node_modules", "duphandle"));
});
