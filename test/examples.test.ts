import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram } from "./support/program.ts";
import { isWindows } from "./support/system.ts";

const root = path.resolve(import.meta.dirname, "..");

/** A runnable block of a doc comment or of a page of documentation. */
interface Example {
  readonly name: string;
  readonly code: string;
}

function examplesIn(file: string): Example[] {
  const text = fs.readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(/^( \* |)```ts\n(.*?)^\1```$/gms)].map(({ index, ...match }) => {
    const line = text.slice(0, index).split("\n").length;
    const code = (match[2] as string).replaceAll(/^ \* ?/gm, "");
    return { name: `${file}:${line}`, code };
  });
}

function files(folder: string, ending: string): string[] {
  return fs.readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file.replaceAll("\\", "/")}`);
}

/** The modules whose exports users of the system calls get. */
function roomsOf(system: string): string[] {
  const text = fs.readFileSync(path.join(root, "ffi", `${system}.ts`), "utf8");
  return [...text.matchAll(/^export \* from "\.\/(.+)";$/gm)].map(([, room]) => `ffi/${room}`);
}

const documented = ["mod.ts", ...files("ffi", ".ts"), ...files("src", ".ts")];
// The pages of the reference are made from the doc comments, whose examples are in the list.
const pages = ["README.md", ...files("docs", ".md")]
  .filter((page) => !page.startsWith("docs/reference/"));
const here = [...documented, ...pages].flatMap(examplesIn)
  .filter(({ code }) => !code.includes(isWindows ? "duphandle/posix" : "duphandle/win32"));

describe("the examples of the documentation", () => {
  test("every exported function and class of the system calls has one", () => {
    for (const file of ["posix", "win32"].flatMap(roomsOf)) {
      const text = fs.readFileSync(path.join(root, file), "utf8");
      const functions = [...text.matchAll(/^export function (\w+)/gm)];
      expect(examplesIn(file).length, file).toBe(functions.length);
    }
  });

  test(`${here.length} of them run, and leave nothing open`, () => {
    const folder = fs.mkdtempSync(path.join(root, "test", ".examples-"));
    try {
      const paths = here.map(({ code }, at) => {
        const file = path.join(folder, `${at}.ts`);
        fs.writeFileSync(file, `${code}\nexport {};\n`);
        return file;
      });
      const failed = runProgram("examples.ts", { args: paths }).result as string[][];
      expect(failed.map(([at, why]) => `${here[Number(at)]?.name}: ${why}`)).toEqual([]);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
