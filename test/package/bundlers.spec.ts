/** Programs that a bundler made one file of, in folders without the package. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "vitest";
import { root } from "../../scripts/runtimes.ts";
import { project, toolPath } from "./support/project.ts";
import { bun, type Consumer, newestNode, runtimes } from "./support/runtimes.ts";
import { worked } from "./support/work.ts";

/** One way to bundle. */
interface Bundling {
  readonly name: string;
  readonly file: "bundle.mjs" | "bundle.cjs";
  command(): readonly string[];
}

const esbuild = (format: string): readonly string[] => [
  ...[...newestNode, toolPath("esbuild", "bin", "esbuild"), "--bundle", "--platform=node"],
  ...[`--format=${format}`, "--log-level=warning"],
];

const rolldown = (format: string): readonly string[] => [
  ...[...newestNode, path.join(root, "node_modules", "rolldown", "bin", "cli.mjs")],
  ...["--platform=node", `--format=${format}`],
];

const bundlings: readonly Bundling[] = [
  {
    name: "esbuild to an ES module",
    file: "bundle.mjs",
    command: () => [...esbuild("esm"), "esm.mjs", "--outfile=out/bundle.mjs"],
  },
  {
    name: "esbuild to CommonJS, minified",
    file: "bundle.cjs",
    command: () => [...esbuild("cjs"), "cjs.cjs", "--minify", "--outfile=out/bundle.cjs"],
  },
  {
    name: "rolldown to an ES module",
    file: "bundle.mjs",
    command: () => [...rolldown("esm"), "esm.mjs", "--file=out/bundle.mjs"],
  },
  {
    name: "rolldown to CommonJS, minified",
    file: "bundle.cjs",
    command: () => [...rolldown("cjs"), "esm.mjs", "--minify", "--file=out/bundle.cjs"],
  },
  {
    name: "Bun for Node",
    file: "bundle.mjs",
    command: () => [bun, "build", "esm.mjs", "--target=node", "--outfile=out/bundle.mjs"],
  },
  {
    name: "Bun for Bun, minified",
    file: "bundle.mjs",
    command:
      () => [bun, "build", "esm.mjs", "--minify", "--target=bun", "--outfile=out/bundle.mjs"],
  },
];

/** The runtimes that differ for a bundle. What one for Bun does elsewhere is not promised. */
function runsIn(bundling: Bundling): readonly Consumer[] {
  if (!bundling.name.startsWith("Bun for Bun")) return runtimes;
  return runtimes.filter(({ name }) => name === "Bun");
}

describe("one file made by", () => {
  test.concurrent.for(bundlings)("$name", async (bundling, { expect }) => {
    using maker = project({ programs: ["esm.mjs", "cjs.cjs", "work.cjs"] });
    await maker.output(bundling.command());
    const text = fs.readFileSync(path.join(maker.folder, "out", bundling.file), "utf8");
    for (const { name, command, packages } of runsIn(bundling)) {
      using user = project({ files: { [bundling.file]: text }, packages, installed: false });
      const output = await user.output([...command(), bundling.file]);
      expect(JSON.parse(output), name).toEqual(worked);
    }
  });
});
