/** The installed package at work in every runtime, by `import` and by `require`. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, inject, test } from "vitest";
import { entryPoints, ESM, specifier } from "../../scripts/npm/description.ts";
import { project } from "./support/project.ts";
import {
  bun,
  consumers,
  deno,
  linesWithoutFfi,
  newestNode,
  nodeCommand,
} from "./support/runtimes.ts";
import { worked } from "./support/work.ts";

/** The entry points that export something. */
const withNames = Object.keys(entryPoints).filter((name) => name !== "./register").map(specifier);

describe.for(consumers)("in $name", ({ command, kind, packages }) => {
  test.concurrent.for(["esm.mjs", "cjs.cjs"])(
    "%s does its work",
    async (program, { expect }) => {
      using user = project({ programs: [program, "work.cjs"], packages });
      expect(JSON.parse(await user.output([...command(), program]))).toEqual(worked);
    },
  );

  test.concurrent.for(["import", "require", "turns"])(
    "import and require give the same classes: %s first",
    async (first, { expect }) => {
      using user = project({ programs: ["both.mjs"], packages });
      const output = await user.output([...command(), "both.mjs", first, ...withNames]);
      expect(JSON.parse(output)).toEqual({
        empty: [],
        differing: [],
        foreign: [],
        crossing: [true, true],
        error: true,
      });
    },
  );

  test.concurrent("it loads ES modules where require can", async ({ expect }) => {
    const text = `import { createRequire } from "node:module";
      console.log(import.meta.resolve("duphandle/handle"));
      console.log(createRequire(import.meta.url).resolve("duphandle/handle"));`;
    using user = project({ files: { "main.mjs": text }, packages });
    const output = await user.output([...command(), "main.mjs"]);
    const [imported, required] = output.split("\n")
      .map((line) => line.split("/node_modules/duphandle/")[1]);
    expect(imported).toBe(`${kind}/src/handle/${kind === ESM ? "mod.js" : "mod.mjs"}`);
    expect(required).toBe(`${kind}/src/handle/mod.js`);
  });

  test.concurrent("an uncaught error can be read", async ({ expect }) => {
    const files = { "main.cjs": 'require("duphandle").duplicate("main.cjs");' };
    using user = project({ files, packages });
    const { code, errors } = await user.run([...command(), "main.cjs"]);
    expect(code).toBe(1);
    expect(errors).toContain('Cannot use "main.cjs" as a source');
    // A runtime prints the line that threw: a file of one line would fill the screen.
    expect(errors.length).toBeLessThan(4000);
  });
});

describe.for(linesWithoutFfi)("in Node %s without koffi", (line) => {
  test.concurrent.for(["no_ffi.mjs", "no_ffi.cjs"])(
    "%s: the first call says what to install",
    async (program, { expect }) => {
      using user = project({ programs: [program] });
      const { code, output, errors } = await user.run([nodeCommand(line), program]);
      expect({ code, errors }).toEqual({ code: 0, errors: "" });
      expect(output).toMatch(/^imported\ntrue ENOTSUP Cannot call the system: .*no FFI/);
      expect(output).toMatch(/koffi is not installed.*`npm install koffi`\n$/);
    },
  );
});

describe("installing", () => {
  const options = { programs: ["esm.mjs", "cjs.cjs", "work.cjs"], installed: false };

  test.concurrent("npm install of the packed file brings one package", async ({ expect }) => {
    using user = project(options);
    await user.output(
      ["npm", "install", "--offline", "--no-audit", "--no-fund", inject("packed")],
      { npm_config_cache: path.join(user.folder, "cache") },
    );
    const modules = fs.readdirSync(path.join(user.folder, "node_modules"));
    expect(modules.filter((name) => !name.startsWith("."))).toEqual([
      "duphandle",
    ]);
    for (const program of ["esm.mjs", "cjs.cjs"]) {
      expect(JSON.parse(await user.output([...newestNode, program]))).toEqual(worked);
    }
  });

  test.concurrent("bun add of the packed file brings one package", async ({ expect }) => {
    using user = project(options);
    // Nothing answers there: bun has no option that keeps it from asking.
    await user.output([bun, "add", inject("packed")], {
      BUN_INSTALL_CACHE_DIR: path.join(user.folder, "cache"),
      BUN_CONFIG_REGISTRY: "http://127.0.0.1:9/",
    });
    const modules = fs.readdirSync(path.join(user.folder, "node_modules"));
    expect(modules.filter((name) => !name.startsWith("."))).toEqual([
      "duphandle",
    ]);
    expect(JSON.parse(await user.output([bun, "esm.mjs"]))).toEqual(worked);
  });

  test("npm:duphandle in Deno means the installed package", async () => {
    const source = `import { duplicate } from "npm:duphandle";
      using copy = duplicate(0);
      console.log(copy.closed);`;
    using user = project({ files: { "main.ts": source } });
    const command = [
      deno,
      "run",
      "--no-prompt",
      "--cached-only",
      "--allow-ffi",
      "main.ts",
    ];
    expect(await user.output(command)).toBe("false\n");
  });
});
