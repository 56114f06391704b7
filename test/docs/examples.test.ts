import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { isBun, isDeno, isWindows } from "../support/system.ts";

const root = path.resolve(import.meta.dirname, "..", "..");

/** A runnable block of a doc comment or of a page of documentation. */
interface Example {
  readonly name: string;
  readonly code: string;
  /** Whether the line below it says that it is not for Deno on Windows. */
  readonly isElsewhere: boolean;
}

function examplesIn(file: string): Example[] {
  const text = fs.readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(/^( \* |)```ts\n(.*?)^\1```$(?:\n\n([^\n]*))?/gms)].map(
    ({ index, ...match }) => {
      const line = text.slice(0, index).split("\n").length;
      const code = (match[2] as string).replaceAll(/^ \* ?/gm, "");
      const isElsewhere = match[3]?.endsWith("Windows: Bun and Node.") ?? false;
      return { name: `${file}:${line}`, code, isElsewhere };
    },
  );
}

function files(folder: string, ending: string): string[] {
  return fs.readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file.replaceAll("\\", "/")}`);
}

/** The modules whose exports users of the system calls get. */
function roomsOf(system: string): string[] {
  const text = fs.readFileSync(path.join(root, "ffi", system, "mod.ts"), "utf8");
  return [...text.matchAll(/^export \* from "\.\/(.+)";$/gm)].map(([, room]) =>
    `ffi/${system}/${room}`
  );
}

const documented = ["mod.ts", ...files("ffi", ".ts"), ...files("src", ".ts")];
// The pages of the reference are made from the doc comments, whose examples are in the list.
const pages = ["README.md", ...files("docs", ".md")]
  .filter((page) => !page.startsWith("docs/reference/"));
const here = [...documented, ...pages].flatMap(examplesIn)
  .filter(({ code, isElsewhere }) =>
    !code.includes(isWindows ? "duphandle/posix" : "duphandle/win32") &&
    !(isElsewhere && isWindows && isDeno)
  );

/** What a system refuses: an example that uses it ends with these words, and no other may fail. */
interface Refusal {
  readonly uses: RegExp;
  readonly words: string;
  /** The code of the error, when it is not that of the library's own refusals. */
  readonly code?: string;
}

const refusals: readonly Refusal[] = [
  // Only a part of what is written would follow.
  ...(isWindows && (isBun || isDeno)
    ? [{ uses: /\bredirect\(1, /, words: "refer to another object: on Windows" }]
    : []),
  ...(isWindows && isDeno
    ? [
      { uses: /\bduplicateOnto\(/, words: "on Windows Deno does not expose its descriptors" },
      // There use() of a pool gives a HANDLE, which node:fs does not know.
      {
        uses: /DescriptorPool[^]*\b(fstat|read)Sync\(/,
        words: "bad file descriptor",
        code: "EBADF",
      },
    ]
    : []),
];

/** What refuses an example here. One that asks for the platform does something else on it. */
function refusalsOf({ code }: Example): Refusal[] {
  return code.includes("process.platform") ? [] : refusals.filter(({ uses }) => uses.test(code));
}

/** Whether an example ended with what refuses it. */
function isRefused(example: Example, why: string, code: unknown): boolean {
  return refusalsOf(example).some((refusal) =>
    code === (refusal.code ?? "ENOTSUP") && why.includes(refusal.words)
  );
}

describe("the examples of the documentation", () => {
  test("every exported function and class of the system calls has one", () => {
    for (const file of ["posix", "win32"].flatMap(roomsOf)) {
      const text = fs.readFileSync(path.join(root, file), "utf8");
      const functions = [...text.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
      expect(examplesIn(file).length, file).toBe(new Set(functions).size); // some have overloads
    }
  });

  const refused = here.filter((example) => refusalsOf(example).length > 0);

  test(`${here.length - refused.length} of them run, and leave nothing open; ${refused.length} are refused`, () => {
    const folder = fs.mkdtempSync(path.join(root, "test", ".examples-"));
    try {
      const paths = here.map(({ code }, at) => {
        const file = path.join(folder, `${at}.ts`);
        fs.writeFileSync(file, `${code}\nexport {};\n`);
        return file;
      });
      const failed = runProgram("docs/examples.ts", { args: paths }).result as [
        number,
        string,
        unknown,
      ][];
      const ended = failed.map(([at, why, code]) => ({ example: here[at] as Example, why, code }));
      const expected = ended.filter(({ example, why, code }) => isRefused(example, why, code));
      const others = ended.filter((each) => !expected.includes(each));
      expect(others.map(({ example, why }) => `${example.name}: ${why}`)).toEqual([]);
      expect(expected.map(({ example }) => example.name)).toEqual(refused.map(({ name }) => name));
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
