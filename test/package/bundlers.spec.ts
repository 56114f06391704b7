/** Programs that a bundler made one file of, in folders without the package. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
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
    const { code, errors } = await maker.run(bundling.command());
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const text = fs.readFileSync(path.join(maker.folder, "out", bundling.file), "utf8");
    for (const { name, command, packages } of runsIn(bundling)) {
      using user = project({ files: { [bundling.file]: text }, packages, installed: false });
      const output = await user.output([...command(), bundling.file]);
      expect(JSON.parse(output), name).toEqual(worked);
    }
  });
});

/** A bundler, and the most bytes that it may make of a program that only duplicates. */
interface Shaking {
  readonly name: string;
  readonly maxBytes: number;
  command(program: string): readonly string[];
}

const shakings: readonly Shaking[] = [
  {
    name: "esbuild",
    maxBytes: 190_000,
    command: (program) => [...esbuild("esm"), program, "--outfile=out/bundle.mjs"],
  },
  {
    name: "rolldown",
    maxBytes: 180_000,
    command: (program) => [...rolldown("esm"), program, "--file=out/bundle.mjs"],
  },
  {
    name: "Bun for Bun",
    maxBytes: 191_000,
    command: (program) => [bun, "build", program, "--target=bun", "--outfile=out/bundle.mjs"],
  },
];

/** Classes of other subjects than `duphandle/handle`. */
const otherClasses = [
  ...["HandleChannel", "HandleServer", "DescriptorPool", "PooledDescriptor"],
  ...["ProcessHandle", "HandleTracker"],
];

/** Those of these classes that are in a bundle, as bundlers write them. */
function classesIn(text: string): string[] {
  return otherClasses.filter((name) =>
    new RegExp(`\\b${name} = class\\b|\\bclass ${name}\\b`).test(text)
  );
}

describe.for(shakings)("with $name", ({ command, maxBytes }) => {
  /** What it makes of a program that uses these names. */
  const bundled = async (from: string, names: string): Promise<string> => {
    const program = `import { ${names} } from "${from}";\nconsole.log(${names});\n`;
    using maker = project({ files: { "main.mjs": program } });
    await maker.output(command("main.mjs"));
    return fs.readFileSync(path.join(maker.folder, "out", "bundle.mjs"), "utf8");
  };

  test.concurrent.for(["duphandle", "duphandle/handle"])(
    "duplicate from %s brings no other subject",
    async (from, { expect }) => {
      const text = await bundled(from, "duplicate");
      expect(classesIn(text)).toEqual([]);
      expect(text.length).toBeLessThan(maxBytes);
    },
  );

  test.concurrent("a program that uses all of them has them", async ({ expect }) => {
    const names = "HandleChannel, DescriptorPool, openProcess, trackHandles";
    expect(classesIn(await bundled("duphandle", names))).toEqual(otherClasses);
  });
});

// It takes the condition "import", which is CommonJS for the sake of one set of classes in older versions of Node.
test("Bun for Node takes a subject alone when the program imports from it", async () => {
  using maker = project({
    files: {
      "main.mjs": 'import { duplicate } from "duphandle/handle";\nconsole.log(duplicate);\n',
    },
  });
  await maker.output([bun, "build", "main.mjs", "--target=node", "--outfile=out/bundle.mjs"]);
  const text = fs.readFileSync(path.join(maker.folder, "out", "bundle.mjs"), "utf8");
  expect(classesIn(text)).toEqual([]);
  expect(text.length).toBeLessThan(268_000);
});
