/**
 * koffi where package managers put it for a package `x` that depends on duphandle and koffi: in folders that
 * neither the program nor its working folder would look in.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, inject, test } from "vitest";
import { project, toolPath } from "./support/project.ts";
import { consumers, linesWithoutFfi, nodeCommand } from "./support/runtimes.ts";

/** Where the packages are, from the project, and the links to them that the package manager makes. */
interface Layout {
  readonly name: string;
  readonly x: string;
  readonly duphandle: string;
  readonly koffi: string;
  readonly links: Readonly<Record<string, string>>;
}

const store = (name: string, version: number): string =>
  `node_modules/.pnpm/${name}@${version}/node_modules`;

const layouts: readonly Layout[] = [
  {
    name: "npm, not hoisted",
    x: "node_modules/x",
    duphandle: "node_modules/x/node_modules/duphandle",
    koffi: "node_modules/x/node_modules/koffi",
    links: {},
  },
  {
    name: "pnpm",
    x: `${store("x", 1)}/x`,
    duphandle: `${store("duphandle", 1)}/duphandle`,
    koffi: `${store("koffi", 3)}/koffi`,
    links: {
      "node_modules/x": `${store("x", 1)}/x`,
      [`${store("x", 1)}/duphandle`]: `${store("duphandle", 1)}/duphandle`,
      [`${store("duphandle", 1)}/koffi`]: `${store("koffi", 3)}/koffi`,
    },
  },
];

const work = "const copy = duplicate(0); console.log(copy.raw > 2); copy.close();";

/** The files of `x` and of the program. */
const filesOf = ({ x }: Layout): Record<string, string> => ({
  [`${x}/package.json`]: JSON.stringify({
    name: "x",
    exports: { import: "./index.mjs", require: "./index.cjs" },
  }),
  [`${x}/index.mjs`]: 'export { duplicate } from "duphandle";',
  [`${x}/index.cjs`]: 'exports.duplicate = require("duphandle").duplicate;',
  "main.mjs": `import { duplicate } from "x"; ${work}`,
  "main.cjs": `const { duplicate } = require("x"); ${work}`,
});

/** Makes what a package manager makes. */
function install(folder: string, layout: Layout, withKoffi: boolean): void {
  const at = (name: string): string => path.join(folder, name);
  const link = (from: string, target: string): void => {
    fs.mkdirSync(path.dirname(at(from)), { recursive: true });
    fs.symlinkSync(target, at(from));
  };
  fs.cpSync(inject("unpacked"), at(layout.duphandle), { recursive: true });
  if (withKoffi) link(layout.koffi, toolPath("koffi"));
  for (const [from, to] of Object.entries(layout.links)) {
    link(from, path.relative(path.dirname(at(from)), at(to)));
  }
}

describe.for(layouts)("installed by $name", (layout) => {
  const nodes = consumers.filter(({ packages }) => "koffi" in packages);
  test.concurrent.for(nodes)(
    "$name finds koffi",
    async ({ command }, { expect }) => {
      using user = project({ files: filesOf(layout), installed: false });
      install(user.folder, layout, true);
      for (const program of ["main.mjs", "main.cjs"]) {
        expect(await user.output([...command(), program])).toBe("true\n");
      }
    },
  );

  test.concurrent.for(linesWithoutFfi)(
    "Node %s says where it looked",
    async (line, { expect }) => {
      using user = project({ files: filesOf(layout), installed: false });
      install(user.folder, layout, false);
      const { code, errors } = await user.run([nodeCommand(line), "main.cjs"]);
      expect(code).toBe(1);
      expect(errors).toContain(
        `${fs.realpathSync(user.folder)}/${layout.duphandle}/`,
      );
      expect(errors).toContain(`${fs.realpathSync(user.folder)}/main.cjs`);
      // A screen.
      expect(errors.split("\n").length).toBeLessThan(50);
    },
  );
});
