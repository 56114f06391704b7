/** The sources and the package in one process: two copies of the library, as test/handle/copies.test.ts has. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "vitest";
import { built, entryPoints, ESM } from "../../scripts/npm/description.ts";
import { root } from "../../scripts/runtimes.ts";
import { project } from "./support/project.ts";
import { bun, deno, newestNode } from "./support/runtimes.ts";

const runtimes = [
  { name: "Deno", command: [deno, "run", "--quiet", "--no-prompt", "-A"] },
  { name: "Bun", command: [bun] },
  { name: "Node 26", command: newestNode },
];

describe.for(runtimes)("in $name", ({ command }) => {
  test.concurrent("the sources and the package work together", async ({ expect }) => {
    const program = path.join(root, "test", "handle", "programs", "copies.ts");
    using user = project({
      files: { "copies.ts": fs.readFileSync(program, "utf8") },
      manifest: { type: "module" },
    });
    const resultOf = async (name: string): Promise<unknown> => {
      const result = path.join(user.folder, `${name}.json`);
      const modules = [
        path.join(root, "mod.ts"),
        path.join(user.folder, "node_modules", "duphandle", built(ESM, entryPoints["."]!)),
      ];
      const args = ["copies.ts", name, ...modules, path.join(user.folder, "file.txt")];
      await user.output([...command, ...args], { DUPHANDLE_RESULT: result });
      return JSON.parse(fs.readFileSync(result, "utf8"));
    };
    expect(await resultOf("redirect")).toEqual([
      { one: "", two: "both\nchild both\nbetween\nchild between\n" },
      { one: "between\nchild between\n", two: "both\nchild both\n" },
    ]);
    expect(await resultOf("handles")).toMatchObject({
      done: {
        duplicate: [true, true],
        closeMany: [true, true],
        pool: [true, "number"],
        take: true,
      },
      grown: 0,
    });
    expect(await resultOf("inherited")).toMatchObject({ same: true, taken: "EBADF" });
  });
});
