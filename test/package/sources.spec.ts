/** The sources as they are: by path, by URL, and as JSR would publish them. */
import { describe, expect, test } from "vitest";
import { entryPoints, jsrEntryPoints } from "../../scripts/npm/description.ts";
import { root } from "../../scripts/runtimes.ts";
import { project, readProgram, run } from "./support/project.ts";
import { bun, deno, newestNode } from "./support/runtimes.ts";
import { serveSources } from "./support/serve.ts";
import { worked } from "./support/work.ts";

/** programs/esm.mjs with the sources for the package. */
function esmFrom(base: string): string {
  return readProgram("esm.mjs")
    .replace('"duphandle"', `"${base}/mod.ts"`)
    .replace(/"duphandle\/(posix|win32)"/g, `"${base}/ffi/$1/mod.ts"`)
    .replace('"duphandle/register"', `"${base}/src/register.ts"`);
}

/** The first example of the documentation. */
const first = (base: string): string =>
  `import { duplicate } from "${base}/mod.ts";
  const copy = duplicate(0);
  console.log(copy.raw > 2);
  copy.close();`;

describe("by path", () => {
  const runtimes = [
    {
      name: "Deno",
      command: [deno, "run", "--quiet", "--no-prompt", "--allow-ffi", "--allow-read"],
    },
    { name: "Bun", command: [bun] },
    { name: "Node 26", command: newestNode },
  ];

  test.concurrent.for(runtimes)("in $name", async ({ command }, { expect }) => {
    using user = project({
      programs: ["work.cjs"],
      files: { "esm.mjs": esmFrom(root) },
      installed: false,
    });
    expect(JSON.parse(await user.output([...command, "esm.mjs"]))).toEqual(worked);
  });
});

describe("by URL in Deno", () => {
  test("the work", async () => {
    await using site = await serveSources();
    using user = project({
      programs: ["work.cjs"],
      files: { "esm.mjs": esmFrom(site.url) },
      installed: false,
    });
    const output = await user.output([
      ...[deno, "run", "--quiet", "--no-prompt", "--reload", `--allow-import=${site.host}`],
      ...["--allow-ffi", "--allow-read", "esm.mjs"],
    ]);
    expect(JSON.parse(output)).toEqual(worked);
    expect([...site.asked]).toEqual(expect.arrayContaining(["/mod.ts", "/src/register.ts"]));
  });

  test("duplicate() needs --allow-ffi and nothing else, and says so", async () => {
    await using site = await serveSources();
    using user = project({ files: { "main.ts": first(site.url) }, installed: false });
    const start = [deno, "run", "--quiet", "--no-prompt", `--allow-import=${site.host}`];
    expect(await user.output([...start, "--allow-ffi", "main.ts"])).toBe("true\n");
    const { code, output, errors } = await user.run([...start, "main.ts"]);
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toContain("--allow-ffi");
  });

  test("all of it passes Deno's own check of types", async () => {
    await using site = await serveSources();
    const text = Object.values(entryPoints).map((name) => `import "${site.url}/${name}";\n`).join(
      "",
    );
    const packages = { "@types/node": "@types/node" };
    using user = project({ files: { "main.ts": text }, packages, installed: false });
    await user.output([deno, "check", "--quiet", `--allow-import=${site.host}`, "main.ts"]);
  });
});

describe("for JSR", () => {
  /** Nothing answers there. */
  const offline = { JSR_URL: "http://127.0.0.1:9/", HTTPS_PROXY: "http://127.0.0.1:9/" };

  test("deno publish would take it, without slow types", async () => {
    const command = [deno, "publish", "--dry-run", "--allow-dirty"];
    const { code, errors } = await run(root, command, offline);
    expect({ code, errors }).toMatchObject({ code: 0, errors: expect.stringContaining("Success") });
    expect(errors).not.toMatch(/\bwarning\b/i);
    expect(errors).toContain("mod.ts");
    expect(errors).not.toMatch(/\/(test|scripts|bench|npm)\//);
  });

  test("deno doc has nothing to complain about", async () => {
    const command = [deno, "doc", "--lint", ...Object.values(jsrEntryPoints)];
    const { code, errors } = await run(root, command, offline);
    expect({ code, errors }).toMatchObject({
      code: 0,
      errors: expect.not.stringContaining("error"),
    });
  });
});
