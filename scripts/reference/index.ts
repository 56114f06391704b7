/** The first page of the reference, and the page of the entry point that exports nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";
import type { Links } from "./links.ts";
import { table } from "./markdown.ts";
import type { Entry, ExportedSymbol, JsDoc } from "./model.ts";
import { importText, isConstant, notice } from "./page.ts";
import { type EntryPoint, groups, type Page, register } from "./pages.ts";

/** Writes the page that names every exported symbol. */
export function indexText(
  pages: readonly Page[],
  entries: ReadonlyMap<string, Entry>,
  links: Links,
): string {
  const parts = groups.map((group) => {
    const own = pages.filter((page) => page.group === group);
    const about = moduleText(entries.get(group.path)?.module_doc, links, group);
    return `## ${group.name}\n\n${about}\n\n${contentOf(group, own, links)}`;
  });
  const intro =
    "Every exported symbol, by page: one for each subject of the library, and one for " +
    "each family of system calls. The guides are in [docs](..).";
  return `${notice}\n\n# Reference\n\n${intro}\n\n${parts.join("\n\n")}\n`;
}

/** The page of `duphandle/register`, without `.md`. */
export const registerPath = "register";

/** Writes that page: it exports nothing, and declares a method. */
export function registerText(entries: ReadonlyMap<string, Entry>): string {
  const source = readFileSync(join(root, register.path), "utf8");
  const declared = /^declare module .*?^\}$/ms.exec(source)?.[0];
  if (declared === undefined) throw new Error(`Cannot find what ${register.path} declares`);
  const { doc = "", tags = [] } = entries.get(register.path)?.module_doc ?? {};
  const examples = tags.filter(({ kind }) => kind === "example");
  return [
    notice,
    `# ${register.name}`,
    `Imported for its effect. [All pages](README.md)`,
    `\`\`\`typescript\n${declared}\n\`\`\``,
    doc.trim(),
    ...examples.map((example) => `**Example**\n\n${example.doc?.trim()}`),
  ].join("\n\n") + "\n";
}

function contentOf(group: EntryPoint, pages: readonly Page[], links: Links): string {
  if (group === register) return `[Its page](${registerPath}.md)`;
  return group.name === "duphandle" ? subjectTables(pages, links) : callList(pages, links);
}

function subjectTables(pages: readonly Page[], links: Links): string {
  return pages.map((page) => {
    const rows = page.symbols.map((symbol) => [
      links.to(symbol.name, { ...page, path: "README" }) ?? symbol.name,
      summary(symbol, links, page),
    ]);
    const symbols = table(["symbol", "what it is"], rows);
    return `### [${page.title}](${page.path}.md)\n\n${importText(page)}\n\n${symbols}`;
  }).join("\n\n");
}

function callList(pages: readonly Page[], links: Links): string {
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

function moduleText(jsDoc: JsDoc | undefined, links: Links, group: EntryPoint): string {
  return links.resolve((jsDoc?.doc ?? "").trim(), { group, path: "README" });
}
