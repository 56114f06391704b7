/** Which page of the reference an exported symbol is on. */
import { entryPoints as modules, specifier } from "../npm/description.ts";
import { type Declaration, type Entry, type ExportedSymbol, fileOf } from "./model.ts";

/** An entry point, as users import it. */
export interface EntryPoint {
  /** What users import. */
  readonly name: string;
  /** The module, from the top folder. */
  readonly path: string;
  /** The page of what is in a file of the entry, without `.md`; `undefined` for another entry's. */
  readonly pageOf: (file: string) => string | undefined;
}

/** A page: symbols that belong together. */
export interface Page {
  /** The path inside the reference, without `.md`. */
  readonly path: string;
  readonly title: string;
  readonly entry: EntryPoint;
  readonly symbols: ExportedSymbol[];
}

/** The pages of `duphandle` in their order, and how the files begin whose symbols they have. */
const topics: readonly (readonly [page: string, title: string, files: readonly string[]])[] = [
  ["duplicate", "Duplicating", ["duplicate", "batch", "options", "source", "system"]],
  ["handles", "Handles and who owns them", ["handle"]],
  ["files", "Files of the runtime, and redirecting", ["copy_", "fs_file", "redirect"]],
  ["processes", "Other processes", ["process", "duplicate_handle", "socket"]],
  ["children", "Child processes", ["spawn", "inherited", "parent_channel"]],
  ["channels", "Channels", ["channel"]],
  ["pool", "More files than descriptors", ["pool.", "pool", "raise_limit"]],
  ["inspect", "Looking at handles", ["inspect.", "inspect"]],
  ["track", "Finding leaks", ["track.", "track"]],
  ["errors", "Errors", ["error"]],
];

/** The entry points, in the order of the index. */
export const entryPoints: readonly EntryPoint[] = [
  entry(".", topicOf),
  entry("./register", () => undefined),
  entry("./posix", roomOf("posix")),
  entry("./win32", roomOf("win32")),
];

function entry(name: string, pageOf: EntryPoint["pageOf"]): EntryPoint {
  return { name: specifier(name), path: modules[name]!, pageOf };
}

/** Puts every exported symbol on its page. */
export function pagesOf(entries: ReadonlyMap<string, Entry>): Page[] {
  return entryPoints.flatMap((entry) => {
    const pages = new Map<string, Page>();
    for (const symbol of entries.get(entry.path)?.symbols ?? []) {
      const path = entry.pageOf(fileOf(symbol));
      if (path === undefined) continue;
      const page = pages.get(path) ?? { path, title: titleOf(path, entry), entry, symbols: [] };
      page.symbols.push(symbol);
      pages.set(path, page);
    }
    for (const { symbols } of pages.values()) symbols.sort(bySource);
    return [...pages.values()].sort((a, b) =>
      topicRank(a.path) - topicRank(b.path) || (a.path < b.path ? -1 : 1)
    );
  });
}

function topicOf(file: string): string {
  const best = matches(file)[0];
  if (best !== undefined) return best.page;
  throw new Error(`Cannot place what is exported of ${file}: name its page in pages.ts`);
}

/** The topics that a file may belong to, and its place there; the best, the longest, first. */
function matches(file: string): { page: string; place: number; length: number }[] {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return topics.flatMap(([page, , beginnings]) =>
    beginnings.map((beginning, place) => ({ page, place, length: beginning.length, beginning }))
      .filter(({ beginning }) => name.startsWith(beginning))
  ).sort((a, b) => b.length - a.length);
}

function roomOf(system: string): (file: string) => string | undefined {
  const folder = `ffi/${system}/`;
  return (file) =>
    file.startsWith(folder) ? `${system}/${file.slice(folder.length, -".ts".length)}` : undefined;
}

function titleOf(path: string, { name }: EntryPoint): string {
  const title = topics.find(([page]) => page === path)?.[1];
  return title ?? `${name}: ${path.slice(path.indexOf("/") + 1).replaceAll("_", " ")}`;
}

/** The place of a page among the topics; rooms have none, and go by their names. */
function topicRank(path: string): number {
  return topics.findIndex(([page]) => page === path);
}

/** What can be called comes before the types, and each in the order of the sources. */
function bySource(a: ExportedSymbol, b: ExportedSymbol): number {
  const [first, second] = [a, b].map((symbol) => {
    const { kind, location } = symbol.declarations[0] as Declaration;
    const file = fileOf(symbol);
    const isType = kind === "interface" || kind === "typeAlias";
    return { isType: Number(isType), place: matches(file)[0]?.place ?? 0, line: location.line };
  }) as [Place, Place];
  return first.isType - second.isType || first.place - second.place || first.line - second.line;
}

interface Place {
  readonly isType: number;
  readonly place: number;
  readonly line: number;
}
