/** The first page of the reference, and the page of the entry point that exports nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { table } from "./markdown.ts";
import { root } from "../runtimes.ts";
import type { Links } from "./links.ts";
import type { Entry, ExportedSymbol, JsDoc } from "./model.ts";
import { isConstant, notice } from "./page.ts";
import { type EntryPoint, entryPoints, type Page } from "./pages.ts";

/** Writes the page that names every exported symbol. */
export function indexText(
  pages: readonly Page[],
  entries: ReadonlyMap<string, Entry>,
  links: Links,
): string {
  const parts = entryPoints.map((entry) => {
    const own = pages.filter((page) => page.entry === entry);
    const content = entry.name === "duphandle" ? topics(own, links) : rooms(own, links);
    const page = own.length === 0 ? `[Its page](${registerPath}.md)` : content;
    const about = moduleText(entries.get(entry.path)?.module_doc, links, entry);
    return `## ${entry.name}\n\n${about}\n\n${page}`;
  });
  const intro = "Every exported symbol, by entry point. The guides are in [docs](..).";
  return `${notice}\n\n# Reference\n\n${intro}\n\n${parts.join("\n\n")}\n`;
}

/** The page of `duphandle/register`, without `.md`. */
export const registerPath = "register";

/** Writes that page: it exports nothing, and declares a method. */
export function registerText(entries: ReadonlyMap<string, Entry>): string {
  const entry = entryPoints.find(({ name }) => name === "duphandle/register") as EntryPoint;
  const source = readFileSync(join(root, entry.path), "utf8");
  const declared = /^declare module .*?^\}$/ms.exec(source)?.[0];
  if (declared === undefined) throw new Error(`Cannot find what ${entry.path} declares`);
  const { doc = "", tags = [] } = entries.get(entry.path)?.module_doc ?? {};
  const examples = tags.filter(({ kind }) => kind === "example");
  return [
    notice,
    `# ${entry.name}`,
    `Imported for its effect. [All pages](README.md)`,
    `\`\`\`typescript\n${declared}\n\`\`\``,
    doc.trim(),
    ...examples.map((example) => `**Example**\n\n${example.doc?.trim()}`),
  ].join("\n\n") + "\n";
}

function topics(pages: readonly Page[], links: Links): string {
  return pages.map((page) => {
    const rows = page.symbols.map((symbol) => [
      links.to(symbol.name, { ...page, path: "README" }) ?? symbol.name,
      summary(symbol, links, page),
    ]);
    return `### [${page.title}](${page.path}.md)\n\n${table(["symbol", "what it is"], rows)}`;
  }).join("\n\n");
}

function rooms(pages: readonly Page[], links: Links): string {
  return pages.map((page) => {
    const named = page.symbols.filter((symbol) => !isConstant(symbol))
      .map(({ name }) => links.to(name, { ...page, path: "README" }) ?? name);
    const constants = page.symbols.length - named.length;
    const counted = constants === 0 ? [] : [`${constants} constants`];
    const name = page.path.slice(page.path.indexOf("/") + 1).replaceAll("_", " ");
    return `- [${name}](${page.path}.md): ${[...named, ...counted].join(", ")}`;
  }).join("\n");
}

/** The first sentence. */
function summary({ declarations }: ExportedSymbol, links: Links, page: Page): string {
  const doc = declarations[0]?.jsDoc?.doc ?? "";
  const sentence = /^.*?[.!?](?=\s|$)/s.exec(doc)?.[0] ?? doc;
  return links.resolve(sentence, { ...page, path: "README" });
}

function moduleText(jsDoc: JsDoc | undefined, links: Links, entry: EntryPoint): string {
  return links.resolve((jsDoc?.doc ?? "").trim(), { entry, path: "README" });
}
