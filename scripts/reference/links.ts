/** Anchors and links of the reference: from doc comments, and none that leads nowhere. */
import { posix } from "node:path";
import { GUIDES } from "../npm/description.ts";
import type { Page } from "./pages.ts";

/** The heading of the table that has a page's constants. */
export const constantsTitle = "Constants";

/** The anchor that a heading has on GitHub. */
export function anchorOf(heading: string): string {
  return heading.replaceAll(/\[(.*?)\]\([^)]+\)/g, "$1").trim().toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
}

/** The heading of a method. As text, `[Symbol.dispose]()` would be a link. */
export function memberHeading(name: string, member: string): string {
  return member.startsWith("[") ? `\`${name}${member}()\`` : `${name}.${member}()`;
}

/** Where the names of doc comments lead. */
export class Links {
  /** By entry point, by the name of a symbol or a member: the page and its anchor. */
  readonly #targets = new Map<string, Map<string, string>>();
  readonly #problems: string[] = [];

  /** Notes every symbol, and every method, of the pages. */
  constructor(pages: readonly Page[]) {
    for (const { group, path, symbols } of pages) {
      const targets = this.#targets.get(group.name) ?? new Map<string, string>();
      this.#targets.set(group.name, targets);
      for (const { name, declarations } of symbols) {
        const declaration = declarations[0];
        if (declaration === undefined) continue;
        const { kind, def } = declaration;
        const isInTable = kind === "variable" && def.tsType.kind !== "typeLiteral";
        const own = `${path}.md#${anchorOf(isInTable ? constantsTitle : name)}`;
        targets.set(name, own);
        if (kind !== "class" && kind !== "interface") continue;
        for (const property of def.properties ?? []) targets.set(`${name}.${property.name}`, own);
        if (kind !== "class") continue;
        for (const method of def.methods ?? []) {
          const heading = anchorOf(memberHeading(name, method.name));
          const target = method.kind === "method" ? `${path}.md#${heading}` : own;
          targets.set(`${name}.${method.name}`, target);
        }
      }
    }
  }

  /** What could not be linked. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** A link to a symbol for a page, or `undefined` for a name that no entry point exports. */
  to(name: string, { group, path }: Pick<Page, "group" | "path">): string | undefined {
    const groups = [group.name, ...this.#targets.keys()];
    const target = groups.map((other) => this.#targets.get(other)?.get(name)).find(Boolean);
    if (target === undefined) return undefined;
    const [file = "", anchor] = target.split("#");
    const to = posix.relative(posix.dirname(path), file);
    return `[\`${name}\`](${file === `${path}.md` ? "" : to}#${anchor})`;
  }

  /** A name as the exported symbol of these letters has it, or as it is. */
  spelling(name: string): string {
    const names = [...this.#targets.values()].flatMap((targets) => [...targets.keys()]);
    return names.find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
  }

  /** Text of a doc comment with its `{@linkcode …}` as links, and links to the guides by path. */
  resolve(text: string, page: Pick<Page, "group" | "path">): string {
    const guides = text.replaceAll(GUIDES, `${posix.relative(posix.dirname(page.path), "..")}/`);
    return guides.replaceAll(/\{@link(?:code|plain)?\s+([^\s}]+)\s*\}/g, (_, name: string) => {
      const link = this.to(name, page);
      if (link === undefined) this.#problems.push(`${page.path}: ${name} is no exported symbol`);
      return link ?? `\`${name}\``;
    });
  }
}

/** Links between pages, by path, that lead nowhere. `exists` says whether a file that is no page exists. */
export function deadLinks(
  pages: ReadonlyMap<string, string>,
  exists: (path: string) => boolean,
): string[] {
  const anchors = new Map([...pages].map(([path, text]) => [path, headingAnchors(text)]));
  return [...pages].flatMap(([path, text]) =>
    [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : posix.join(posix.dirname(path), file);
      const known = anchors.get(target);
      if (known === undefined) return exists(target) ? [] : [`${path}: ${link} is not there`];
      const found = anchor === undefined || known.has(anchor);
      return found ? [] : [`${path}: ${link} has no such heading`];
    })
  );
}

function headingAnchors(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of prose(text).matchAll(/^#+ (.*)$/gm)) {
    const anchor = anchorOf(heading);
    let unique = anchor;
    // The second heading of the same words has a number after them.
    for (let at = 1; anchors.has(unique); at++) unique = `${anchor}-${at}`;
    anchors.add(unique);
  }
  return anchors;
}

/** A page without its code. */
function prose(text: string): string {
  return text.replaceAll(/^( *)(`{3,})[^\n]*\n.*?^\1\2$/gms, "");
}
