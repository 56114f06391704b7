/** Children that do not use this library, and processes between a parent and a descendant that does. */
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { duplicate, type HandleSpawnOptions, spawn } from "duphandle";
import * as posix from "duphandle/posix";
import { beforeAll, describe, expect, test } from "vitest";
import { childFiles } from "../support/child_files.ts";
import { HANDLES_VARIABLE, type NamesReport } from "../support/child_programs.ts";
import { commandFor, hasCommand, programPath, root } from "../support/program.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows, openRaw, positionOf, temporaryFile } from "../support/system.ts";
import { openOnce } from "../support/windows_objects.ts";

/** How a script of sh finds a number: what follows the name in the variable, up to the next `&`. */
const numberOf = (name: string) =>
  `$(echo "&$${HANDLES_VARIABLE}" | sed "s/.*&${name}=//; s/&.*//")`;

/** Runs a script of sh with handles; what it wrote to the handle "out". */
async function shell(
  script: string,
  options: HandleSpawnOptions = {},
  command: string = "sh",
): Promise<string> {
  using file = temporaryFile("");
  using out = openRaw(file.path, "w");
  const child = spawn(command, ["-c", `exec 9>&${numberOf("out")}; ${script}`], {
    stdio: "ignore",
    ...options,
    handles: { ...options.handles, out },
  });
  for (const stream of child.stdio) stream?.on("error", () => {}).destroy();
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
  return fs.readFileSync(file.path, "utf8");
}

beforeAll(openOnce);

describe.skipIf(isWindows)("a child that is no JavaScript (POSIX: cmd.exe uses no HANDLE)", () => {
  test("finds its numbers in the variable", async () => {
    using file = temporaryFile("from the file\n");
    using input = openRaw(file.path, "r");
    expect(await shell(`cat <&${numberOf("in")} >&9`, { handles: { in: input } }))
      .toBe("from the file\n");
  });

  test("has them after what stdio lists, whatever that is", async () => {
    using file = temporaryFile("");
    const extra = fs.openSync(file.path, "r");
    const forms: [HandleSpawnOptions["stdio"], number][] = [
      [undefined, 3],
      ["pipe", 3],
      ["ignore", 3],
      ["inherit", 3],
      [[], 3],
      [["ignore"], 3],
      [["ignore", "inherit", "inherit"], 3],
      [["ignore", "ignore", 2], 3],
      [["ignore", "ignore", process.stderr], 3],
      [["ignore", "ignore", "ignore", "pipe"], 4],
      [["ignore", "ignore", "ignore", extra, "pipe"], 5],
      [["ignore", "ignore", "ignore", "ignore", "pipe", extra], 6],
    ];
    for (const [stdio, number] of forms) {
      expect(await shell(`echo ${numberOf("out")} >&9`, { stdio }), String(stdio))
        .toBe(`${number}\n`);
    }
    fs.closeSync(extra);
  });

  test("talks through a pipe of stdio beside its handles", async () => {
    using file = temporaryFile("abc");
    using input = openRaw(file.path, "r");
    const child = spawn("sh", ["-c", `cat <&${numberOf("in")} >&3`], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
      handles: { in: input },
    });
    const exit = once(child, "exit");
    const pipe = child.stdio[3] as NodeJS.ReadableStream;
    let text = "";
    for await (const chunk of pipe) text += chunk;
    expect([text, (await exit)[0]]).toEqual(["abc", 0]);
  });

  test.runIf(hasCommand("bash"))("keeps a descriptor that stdio leaves where it is", async () => {
    using file = temporaryFile("kept");
    using source = openRaw(file.path, "r");
    // A number of the test's own that is free: `stdio` is filled up to it.
    using kept = duplicate(source, { minimum: 60, inheritable: true });
    for (const entry of ["inherit", kept.raw] as const) {
      const stdio: ("ignore" | "inherit" | number)[] = Array(kept.raw).fill("ignore");
      stdio.push(entry);
      // Many a sh knows descriptors of one digit only.
      expect(await shell(`cat <&${kept.raw} >&9`, { stdio }, "bash")).toBe("kept");
      posix.lseek(source.raw, 0, posix.SEEK_SET);
    }
    expect(kept.inheritable).toBe(true);
  });

  test("gets no other descriptor, and those are as they were before", async () => {
    using file = temporaryFile("secret");
    using secret = openRaw(file.path, "r");
    using first = duplicate(secret, { inheritable: true });
    using second = duplicate(secret, { inheritable: true, minimum: 200 });
    const list = () => shell("ls -l /proc/$$/fd >&9");
    expect(await list()).not.toContain(file.path);
    expect([secret, first, second].map(({ inheritable }) => inheritable))
      .toEqual([false, true, true]);
    // The list would tell: a child that is given it has it.
    expect(await shell("ls -l /proc/$$/fd >&9", { handles: { secret } })).toContain(file.path);
  });
});

/** The recipes of docs/children.md for other languages, and what runs them. */
const recipes = { sh: ["sh", "-c"], py: ["python3", "-c"] } as const;

describe.skipIf(isWindows)("a recipe of docs/children.md", () => {
  const page = fs.readFileSync(path.join(root, "docs", "children.md"), "utf8");
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)] as unknown as [
    string,
    string,
    string,
  ][];

  test("is there for each language", () => {
    const languages = blocks.map(([, language]) => language).filter((language) =>
      language !== "ts"
    );
    expect(languages.sort()).toEqual(Object.keys(recipes).sort());
  });

  for (const [, language, code] of blocks.filter(([, language]) => language in recipes)) {
    const [command, ...args] = recipes[language as keyof typeof recipes];
    test.runIf(hasCommand(command))(
      `finds its handle in ${language}, as it stands there`,
      async () => {
        // Names that end with that of the handle, and one that begins with it.
        for (const names of [["catalog", "log"], ["log", "catalog"], ["log2", "log", "a log"]]) {
          const files = names.map(() => temporaryFile(""));
          const sources = files.map((file) => openRaw(file.path, "w"));
          const handles = Object.fromEntries(names.map((name, at) => [name, sources[at]!]));
          const child = spawn(command, [...args, code], { stdio: "inherit", handles });
          expect((await once(child, "exit"))[0]).toBe(0);
          const texts = files.map((file) => fs.readFileSync(file.path, "utf8"));
          expect(texts).toEqual(names.map((name) => name === "log" ? "the child is here\n" : ""));
          for (const source of sources) source.close();
          for (const file of files) file[Symbol.dispose]();
        }
      },
    );
  }
});

describe.each(runtimeCommands())(
  "through $name, which knows nothing of them",
  ({ name, command }) => {
    // Bun, Node and Deno as a process in between each have their own way with descriptors.
    test("a descendant finds its handles, or is told that they are not there", async () => {
      using file = temporaryFile("ab");
      using files = childFiles();
      using source = openRaw(file.path, "r");
      const between = [...command, programPath("child/between.mjs")];
      const [executable, ...args] = [
        ...between,
        ...commandFor(programPath("child/inherited_names.ts")),
      ];
      const child = spawn(executable as string, args, {
        ...files.options,
        handles: { log: source },
      });
      const { names, taken } = await files.result(child) as NamesReport;
      expect(names).toEqual(["log"]);
      expect([undefined, "EBADF"], name).toContain(taken[0]?.["code"]);
      expect(positionOf(source.raw)).toBe(0);
    });
  },
);
