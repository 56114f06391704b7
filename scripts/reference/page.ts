/** A page of the reference, as Markdown. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { table } from "./markdown.ts";
import { root } from "../runtimes.ts";
import { constantsTitle, type Links, memberHeading } from "./links.ts";
import {
  type ClassShape,
  type Declaration,
  type ExportedSymbol,
  fileOf,
  type JsDoc,
  type Property,
  type Tag,
} from "./model.ts";
import type { Page } from "./pages.ts";
import {
  parametersText,
  propertyText,
  signatureText,
  typeParametersText,
  typeText,
} from "./types.ts";

/** The top of every page: where to edit what it says. */
export const notice =
  "<!-- Made from the doc comments by `npm run reference`: edit those, not this page. -->";

/** Writes a page. */
export function pageText(page: Page, links: Links): string {
  const constants = page.symbols.filter(isConstant);
  const index = `${"../".repeat(page.path.split("/").length - 1)}README.md`;
  const others = page.symbols.filter((symbol) => !isConstant(symbol));
  const writer = new Writer(page, links);
  return [
    notice,
    `# ${page.title}`,
    fileComment(page),
    `${importText(page)} [All pages](${index})`,
    ...writer.about(page.about),
    ...others.flatMap((symbol) => writer.symbol(symbol)),
    ...(constants.length > 0 ? [writer.constants(constants)] : []),
  ].filter((part) => part !== "").join("\n\n") + "\n";
}

/** What to import for a page. */
export function importText({ subject, group }: Page): string {
  if (subject === undefined) return "Every entry point exports these.";
  const all = subject === group ? "" : `, or from \`"${group.name}"\``;
  return `\`import { … } from "${subject.name}"\`${all}.`;
}

class Writer {
  readonly #page: Page;
  readonly #links: Links;

  constructor(page: Page, links: Links) {
    this.#page = page;
    this.#links = links;
  }

  symbol({ name, declarations }: ExportedSymbol): string[] {
    // The body of a function with overloads is not one of its forms.
    const forms = declarations.length === 1
      ? declarations
      : declarations.filter(({ kind, def }) => kind !== "function" || def.hasBody !== true);
    const isFunction = declarations[0]?.kind === "function";
    return [
      `## ${isFunction ? `${name}()` : name}`,
      ...forms.flatMap((declaration) => this.#declaration(name, declaration)),
    ];
  }

  constants(symbols: readonly ExportedSymbol[]): string {
    const rows = symbols.map((symbol) => [
      `\`${symbol.name}\``,
      valueOf(symbol),
      this.#text(symbol.declarations[0]?.jsDoc?.doc ?? ""),
    ]);
    return `## ${constantsTitle}\n\n${table(["constant", "value", "what it is"], rows)}`;
  }

  #declaration(name: string, declaration: Declaration): string[] {
    const about = this.about(declaration.jsDoc);
    switch (declaration.kind) {
      case "function":
        return [fence(`function ${name}${signatureText(declaration.def)};`), ...about];
      case "typeAlias": {
        const { typeParams = [], tsType } = declaration.def;
        return [
          fence(`type ${name}${typeParametersText(typeParams)} = ${typeText(tsType)};`),
          ...about,
        ];
      }
      case "interface": {
        const { extends: bases = [], properties = [] } = declaration.def;
        const base = bases.length === 0 ? "" : ` extends ${bases.map(typeText).join(", ")}`;
        const members = properties.map(propertyText);
        return [
          fence(`interface ${name}${base} {\n${members.join("\n")}\n}`),
          ...about,
          ...this.#properties(properties),
        ];
      }
      case "variable": {
        const { tsType } = declaration.def;
        const properties = tsType.kind === "typeLiteral" ? tsType.value.properties ?? [] : [];
        const declared = properties.map(propertyText).join("\n");
        return [
          fence(`declare const ${name}: {\n${declared}\n};`),
          ...about,
          ...this.#properties(properties),
        ];
      }
      case "class":
        return [
          fence(classText(name, declaration.def)),
          ...about,
          ...this.#members(name, declaration.def),
        ];
    }
  }

  #members(
    name: string,
    { constructors = [], properties = [], methods = [] }: ClassShape,
  ): string[] {
    const built = constructors.filter(({ accessibility }) => accessibility !== "private");
    // A setter says nothing that its getter does not.
    const values = methods.filter(({ kind }) => kind === "getter");
    const calls = methods.filter(({ kind }) => kind === "method");
    return [
      ...this.#properties([...properties, ...values]),
      ...built.flatMap(({ jsDoc }) => [`### new ${name}()`, ...this.about(jsDoc)]),
      ...calls.flatMap((method) => [
        `### ${memberHeading(name, method.name)}`,
        ...this.about(method.jsDoc),
      ]),
    ];
  }

  #properties(properties: readonly Pick<Property, "name" | "jsDoc">[]): string[] {
    const rows = properties.map(({ name, jsDoc }) => {
      const thrown = (jsDoc?.tags ?? []).filter(({ kind }) => kind === "throws");
      const says = [jsDoc?.doc ?? "", ...thrown.map((tag) => `Throws ${this.#thrown(tag)}.`)];
      return [`\`${name}\``, says.map((each) => this.#text(each)).join(" ")];
    });
    return rows.length === 0 ? [] : [table(["property", "what it is"], rows)];
  }

  /** What a doc comment says, without the names that the declaration has anyway. */
  about(jsDoc: JsDoc | undefined): string[] {
    const tags = (kind: string) => (jsDoc?.tags ?? []).filter((tag) => tag.kind === kind);
    const params = tags("param").map(({ name, doc = "" }) => [`\`${name}\``, this.#text(doc)]);
    const returns = tags("return").map(({ doc = "" }) => `**Returns** ${this.#line(doc)}`);
    const thrown = tags("throws").map((tag) => `- ${this.#thrown(tag)}`);
    const see = tags("see").map(({ doc = "" }) => this.#source(doc.trim()));
    return [
      this.#text(jsDoc?.doc ?? ""),
      params.length === 0 ? "" : table(["parameter", "what it is"], params),
      ...returns,
      thrown.length === 0 ? "" : `**Throws**\n\n${thrown.join("\n")}`,
      ...tags("example").map(({ doc = "" }) => `**Example**\n\n${doc.trim()}`),
      see.length === 0 ? "" : `**See** ${see.join(", ")}`,
    ].filter((part) => part !== "");
  }

  #thrown({ tsType, doc = "" }: Tag): string {
    const type = tsType === undefined ? "" : typeText(tsType);
    return `${this.#links.to(type, this.#page) ?? `\`${type}\``}: ${this.#line(doc)}`;
  }

  /** A link to where the system is documented, with a name for people. */
  #source(url: string): string {
    const page = /^https:\/\/man7\.org\/.*\/([^/]+)\.(\d\w*)\.html(?:#.*)?$/.exec(url);
    if (page !== null) return `[${page[1]}(${page[2]})](${url})`;
    const parts = /^https:\/\/([^/]+)\/(?:.*\/)?([^/#]+?)(?:\.html)?(?:#.*)?$/.exec(url);
    if (parts === null) return url;
    const [, site, name = ""] = parts;
    return `[${this.#links.spelling(name.replace(/^n[fs]-\w+?-/, ""))}](${url}) (${site})`;
  }

  #text(text: string): string {
    return this.#links.resolve(text.trim(), this.#page);
  }

  #line(text: string): string {
    return this.#text(text).replaceAll(/\s+/g, " ");
  }
}

/** Whether it is one of the constants that stand in a table. */
export function isConstant({ declarations }: ExportedSymbol): boolean {
  const declaration = declarations[0];
  return declaration?.kind === "variable" && declaration.def.tsType.kind !== "typeLiteral";
}

function classText(name: string, shape: ClassShape): string {
  const { constructors = [], properties = [], methods = [], implements: interfaces = [] } = shape;
  const bases = interfaces.length === 0 ? "" : ` implements ${interfaces.map(typeText).join(", ")}`;
  const base = shape.extends === undefined ? "" : ` extends ${shape.extends}`;
  const words = (member: { accessibility?: string; isStatic?: boolean; isAbstract?: boolean }) =>
    [
      member.accessibility === undefined ? "" : `${member.accessibility} `,
      member.isStatic ? "static " : "",
      member.isAbstract ? "abstract " : "",
    ].join("");
  const members = [
    ...constructors.map((made) =>
      made.accessibility === "private"
        ? "private constructor();"
        : `${words(made)}constructor(${parametersText(made.params)});`
    ),
    ...properties.map(propertyText),
    ...methods.map((method) => {
      const accessor = { getter: "get ", setter: "set ", method: "" }[method.kind];
      const { params } = method.functionDef;
      const rest = method.kind === "setter"
        ? `(${parametersText(params)})`
        : signatureText(method.functionDef);
      return `${words(method)}${accessor}${method.name}${rest};`;
    }),
  ];
  const abstract = shape.isAbstract ? "abstract " : "";
  return `declare ${abstract}class ${name}${base}${bases} {\n${members.join("\n")}\n}`;
}

/** Named otherwise than the examples, which run: a declaration alone does not. */
function fence(code: string): string {
  return `\`\`\`typescript\n${code}\n\`\`\``;
}

/** The number as its source has it, where it is one on every system. */
function valueOf(symbol: ExportedSymbol): string {
  const text = readFileSync(join(root, fileOf(symbol)), "utf8");
  const pattern = new RegExp(`^export const ${symbol.name}(?:: \\w+)? =\\s+(-?\\w+);$`, "m");
  const value = pattern.exec(text)?.[1];
  return value === undefined ? "the system's" : `\`${value}\``;
}

/** What the first comment of a file of system calls says. */
function fileComment({ path, symbols }: Page): string {
  const [first] = symbols;
  if (first === undefined || !path.includes("/")) return "";
  const file = fileOf(first);
  const text = readFileSync(join(root, file), "utf8");
  const comment = /^\/\*\*(.*?)\*\//s.exec(text)?.[1]?.replaceAll(/^\s*\* ?/gm, "").trim();
  if (comment !== undefined) return comment;
  throw new Error(`Cannot find the first comment of ${file}`);
}
