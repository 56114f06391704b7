/**
 * Checks everything that a release needs, and tries both registries without publishing: `npm run release`.
 * With `--rehearse` before the version has its date and everything is committed.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { denoPath } from "./binaries.mjs";
import { fields, OUTPUT } from "./npm/description.ts";
import { root } from "./runtimes.ts";

const rehearse = process.argv.includes("--rehearse");
const { name, version } = fields() as { name: string; version: string };
const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const deno = [denoPath(root), "publish", "--dry-run"];

/** One thing that has to succeed, since what follows relies on it. */
interface Step {
  readonly what: string;
  readonly command: readonly string[];
  readonly folder?: string;
}

const steps: readonly Step[] = [
  { what: "format, lint, types, reference", command: [npm, "run", "check"] },
  { what: "the suite", command: [npm, "test"] },
  { what: "the package", command: [npm, "run", "test:package"] },
  { what: "Windows", command: [npm, "run", "test:windows"] },
  // It reads the reports of the three before.
  { what: "the support table", command: [npm, "run", "support", "--", "--check"] },
  // Both say what they would publish, and upload nothing.
  { what: "npm", command: [npm, "publish", "--dry-run"], folder: join(root, OUTPUT) },
  { what: "JSR", command: rehearse ? [...deno, "--allow-dirty"] : deno },
];

if (!rehearse && !isDated()) fail("CHANGELOG.md has no section for it with a date");
if (!rehearse) checkCommitted();
for (const { what, command: [command, ...args], folder = root } of steps) {
  console.log(`\n=== ${what}`);
  const { status } = spawnSync(command as string, args, {
    cwd: folder,
    stdio: "inherit",
    shell: command === "npm.cmd",
  });
  if (status !== 0) fail(`${what} failed`);
}
console.log(`
${name} ${version} is ${rehearse ? "as good as " : ""}ready. To publish it:
  git tag v${version} && git push --tags
  (cd ${OUTPUT} && npm publish)
  deno publish`);

/** Whether the changelog says when this version came out. */
function isDated(): boolean {
  return readFileSync(join(root, "CHANGELOG.md"), "utf8").split("\n")
    .some((line) => line.startsWith(`## ${version} (20`));
}

/** What is new and in no commit counts as well: the registries would get it. */
function checkCommitted(): void {
  const { status, stdout } = spawnSync("git", ["status", "--porcelain"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) fail("git status failed");
  if (stdout !== "") fail(`these are not committed:\n${stdout}`);
}

function fail(why: string): never {
  console.error(`\nCannot release ${version}: ${why}`);
  process.exit(1);
}
