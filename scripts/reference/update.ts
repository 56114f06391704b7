/**
 * Writes docs/reference from the doc comments of what users import; `--check` fails when it is not
 * what they say, or when a link of any page of the documentation leads nowhere.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { denoPath } from "../binaries.mjs";
import { indexText, registerPath, registerText } from "./index.ts";
import { deadLinks, Links } from "./links.ts";
import { readEntries } from "./model.ts";
import { pageText } from "./page.ts";
import { entryPoints, pagesOf } from "./pages.ts";
import { root } from "../runtimes.ts";

const folder = "docs/reference";
const entries = readEntries(entryPoints.map(({ path }) => path));
const pages = pagesOf(entries);
const links = new Links(pages);
const written = formatted(
  new Map([
    ["README.md", indexText(pages, entries, links)],
    [`${registerPath}.md`, registerText(entries)],
    ...pages.map((page) => [`${page.path}.md`, pageText(page, links)] as const),
  ]),
);
const problems = [...links.problems];

if (process.argv.includes("--check")) {
  const there = new Map(markdown(folder).map((path) => [path, read(join(folder, path))]));
  for (const path of new Set([...written.keys(), ...there.keys()])) {
    if (written.get(path) === there.get(path)) continue;
    problems.push(`${folder}/${path} is not what the doc comments say: run npm run reference`);
  }
} else {
  rmSync(join(root, folder), { recursive: true, force: true });
  write(join(root, folder), written);
  console.log(`${written.size} pages of ${folder}`);
}

const top = readdirSync(root).filter((path) => path.endsWith(".md"));
const guides = [...top, ...markdown("docs").map((path) => `docs/${path}`)];
const all = new Map(guides.map((path) => [path, read(path)]));
problems.push(...deadLinks(all, (path) => existsSync(join(root, path))));
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

/** The pages as `deno fmt` leaves them, so that the check of the format has nothing to say. */
function formatted(texts: ReadonlyMap<string, string>): Map<string, string> {
  const there = mkdtempSync(join(tmpdir(), "reference-"));
  try {
    write(there, texts);
    const config = ["--config", join(root, "deno.json")];
    const { status, stderr } = spawnSync(denoPath(root), ["fmt", "--quiet", ...config, there], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`Cannot format the reference: ${stderr}`);
    return new Map(
      [...texts.keys()].map((path) => [path, readFileSync(join(there, path), "utf8")]),
    );
  } finally {
    rmSync(there, { recursive: true });
  }
}

function write(top: string, texts: ReadonlyMap<string, string>): void {
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
}

function markdown(path: string): string[] {
  if (!existsSync(join(root, path))) return [];
  return readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/")).filter((file) => file.endsWith(".md")).sort();
}

/** Reads a file, whatever the checkout makes of the ends of its lines. */
function read(path: string): string {
  return readFileSync(join(root, path), "utf8").replaceAll("\r\n", "\n");
}
