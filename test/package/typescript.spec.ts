/** The declarations of the package, in the compilers and with the resolutions that users have. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/runtimes.ts";
import { project, readProgram, toolPath } from "./support/project.ts";
import { newestNode } from "./support/runtimes.ts";

/** One compiler. */
interface Compiler {
  readonly version: string;
  folder(): string;
  /** The types of Node that it understands. */
  readonly types: string;
}

/** How a project finds packages. */
interface Resolution {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const compilers: readonly Compiler[] = [
  // The oldest that is supported, for which today's types of Node are too new.
  { version: "5.2.2", folder: () => toolPath("typescript5.2"), types: "types-node20" },
  { version: "5.9.3", folder: () => toolPath("typescript5.9"), types: "@types/node" },
  { version: "6.0.3", folder: () => toolPath("typescript6.0"), types: "@types/node" },
  {
    version: "7.0.2",
    folder: () => path.join(root, "node_modules", "typescript"),
    types: "@types/node",
  },
];

const resolutions: readonly Resolution[] = [
  { name: "nodenext", options: { module: "nodenext" } },
  { name: "node16", options: { module: "node16" } },
  { name: "bundler", options: { module: "esnext", moduleResolution: "bundler" } },
  { name: "node10", options: { module: "commonjs", moduleResolution: "node10" } },
];

const strict = {
  target: "es2022",
  lib: ["es2023", "esnext.disposable"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  types: ["node"],
};

/** The program as an ES module and as CommonJS. */
const program = readProgram("typed.ts");
const programs = {
  "esm/package.json": `{"type":"module"}`,
  "esm/typed.ts": program,
  "cjs/package.json": `{"type":"commonjs"}`,
  "cjs/typed.ts": program,
};

/** The tests of types, which import the package by its name. */
const typeTests = Object.fromEntries(
  fs.globSync("*.ts", { cwd: path.join(root, "test", "types") }).map((name) => [
    `esm/types/${name}`,
    fs.readFileSync(path.join(root, "test", "types", name), "utf8"),
  ]),
);

describe.for(compilers)("TypeScript $version", ({ version, folder, types }) => {
  const major = Number(version[0]);
  // 7 has no node10 any more, and 6 wants to be told that it is known to go.
  const known = resolutions.filter(({ name }) => name !== "node10" || major < 7);

  test.concurrent.for(known)("with $name", async ({ name, options }, { expect }) => {
    const goes = name === "node10" && major === 6 ? { ignoreDeprecations: "6.0" } : {};
    const compilerOptions = {
      ...{ ...strict, ...options, ...goes },
      noEmit: true,
      allowImportingTsExtensions: true,
    };
    using user = project({
      files: {
        ...{ ...programs, ...typeTests },
        "tsconfig.json": JSON.stringify({ compilerOptions }),
      },
      packages: { "@types/node": types },
    });
    const { code, output } = await user.run([...newestNode, `${folder()}/bin/tsc`]);
    expect({ code, output }).toEqual({ code: 0, output: "" });
  });
});

test.concurrent("what a compiler makes of it runs, as both kinds of module", async ({ expect }) => {
  const compilerOptions = { ...strict, module: "nodenext", skipLibCheck: true };
  using user = project({
    files: { ...programs, "tsconfig.json": JSON.stringify({ compilerOptions }) },
    packages: { "@types/node": "@types/node" },
  });
  await user.output([...newestNode, toolPath("typescript5.9", "bin", "tsc")]);
  for (const kind of ["esm", "cjs"]) {
    expect(await user.output([...newestNode, `${kind}/typed.js`])).toBe(
      "firstsecond [ true, false ] 2 [ 'inherit' ]\n",
    );
  }
});

test("there are tests of types to compile", () => {
  expect(Object.keys(typeTests).length).toBeGreaterThan(4);
});
