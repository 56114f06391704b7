/** Which page of the reference an exported symbol is on. */
import { entryPoints as modules, specifier } from "../npm/description.ts";
import { type Declaration, type Entry, type ExportedSymbol, fileOf, type JsDoc } from "./model.ts";

/** An entry point, as users import it. */
export interface EntryPoint {
  /** What users import. */
  readonly name: string;
  /** The module, from the top folder. */
  readonly path: string;
}

/** A page: the symbols of one subject, or of one file of system calls. */
export interface Page {
  /** The path inside the reference, without `.md`. */
  readonly path: string;
  readonly title: string;
  /** The entry point whose part of the index names the page. */
  readonly group: EntryPoint;
  /** The smallest entry point that exports all of the page; `undefined` when every one does. */
  readonly subject: EntryPoint | undefined;
  /** What the module of the subject says of itself. */
  readonly about: JsDoc;
  readonly symbols: ExportedSymbol[];
}

/** One subject: a folder of `src/`, an entry point, and a page. */
interface Subject {
  /** The folder, which the page is named after. */
  readonly name: string;
  readonly title: string;
  /** The files whose symbols come first; those of the others follow by the file's name. */
  readonly files: readonly string[];
}

/** The subjects in the order of the index. */
const subjects: readonly Subject[] = [
  { name: "handle", title: "Duplicating and owning handles", files: ["duplicate", "handle"] },
  { name: "file", title: "Files that the runtime owns", files: ["copy_file_handle"] },
  { name: "batch", title: "Many handles at once", files: ["batch"] },
  { name: "redirect", title: "Redirecting", files: ["redirect"] },
  { name: "process", title: "Handles of other processes", files: ["process"] },
  { name: "socket", title: "Sockets", files: ["socket"] },
  { name: "systemd", title: "Service managers", files: ["listen_fds", "notify"] },
  { name: "channel", title: "Channels", files: ["channel"] },
  { name: "child", title: "Child processes", files: ["spawn"] },
  { name: "pool", title: "More open files than descriptors", files: ["pool"] },
  { name: "inspect", title: "What handles refer to", files: ["inspect"] },
  { name: "track", title: "Finding leaks", files: ["track"] },
  { name: "upgrade", title: "Replacing a server that serves", files: ["upgrade"] },
];

/** Every entry point exports the errors. */
const errors: Subject = { name: "errors", title: "Errors", files: ["error"] };

const main = entryPoint(".");
const posix = entryPoint("./posix");
const win32 = entryPoint("./win32");

/** The entry point that exports nothing, and has a page of its own. */
export const register: EntryPoint = entryPoint("./register");

/** The entry points that the index has a part of, in its order. */
export const groups: readonly EntryPoint[] = [main, register, posix, win32];

/** All entry points. */
export const entryPoints: readonly EntryPoint[] = [
  ...groups,
  ...subjects.map(({ name }) => subjectEntry(name)),
];

/** Puts every exported symbol on its page. */
export function pagesOf(entries: ReadonlyMap<string, Entry>): Page[] {
  return [
    ...[...subjects, errors].map((subject) => subjectPage(subject, entries)),
    ...callPages(posix, "posix", entries),
    ...callPages(win32, "win32", entries),
  ];
}

function entryPoint(name: string): EntryPoint {
  return { name: specifier(name), path: modules[name]! };
}

function subjectEntry(name: string): EntryPoint {
  return entryPoint(`./${name}`);
}

/** The page of the symbols that one folder defines. */
function subjectPage(subject: Subject, entries: ReadonlyMap<string, Entry>): Page {
  const symbols = symbolsOf(main, entries)
    .filter((symbol) => subjectOf(fileOf(symbol)) === subject.name);
  const entry = subject === errors ? undefined : subjectEntry(subject.name);
  if (entry !== undefined) {
    const exported = new Set(symbolsOf(entry, entries).map(({ name }) => name));
    const missing = symbols.find(({ name }) => !exported.has(name));
    if (missing !== undefined) throw new Error(`${entry.path} does not export ${missing.name}`);
  }
  return {
    path: subject.name,
    title: subject.title,
    group: main,
    subject: entry,
    about: (entry && entries.get(entry.path)?.module_doc) ?? {},
    symbols: symbols.toSorted((a, b) => compare(placeOf(a, subject), placeOf(b, subject))),
  };
}

/** The subject of what is exported of a file. */
function subjectOf(file: string): string {
  const [top, folder = ""] = file.split("/");
  if (top === "ffi") return errors.name;
  // What every subject uses is exported with handles.
  return folder === "util" ? "handle" : folder;
}

/** The pages of an entry point with system calls: one for each file of it. */
function callPages(group: EntryPoint, name: string, entries: ReadonlyMap<string, Entry>): Page[] {
  const folder = `ffi/${name}/`;
  const pages = new Map<string, Page>();
  for (const symbol of symbolsOf(group, entries)) {
    const file = fileOf(symbol);
    // What the entry point itself passes on, the errors, has its page already.
    if (!file.startsWith(folder) || file === group.path) continue;
    const calls = file.slice(folder.length, -".ts".length);
    const path = `${name}/${calls}`;
    const title = `${group.name}: ${calls.replaceAll("_", " ")}`;
    const page = pages.get(path) ?? { path, title, group, subject: group, about: {}, symbols: [] };
    page.symbols.push(symbol);
    pages.set(path, page);
  }
  for (const { symbols } of pages.values()) {
    symbols.sort((a, b) => compare(placeOf(a), placeOf(b)));
  }
  return [...pages.values()].sort((a, b) => a.path < b.path ? -1 : 1);
}

function symbolsOf({ path }: EntryPoint, entries: ReadonlyMap<string, Entry>): ExportedSymbol[] {
  return [...entries.get(path)?.symbols ?? []];
}

/** The place on a page: what can be called before the types, and each in the order of the sources. */
function placeOf(symbol: ExportedSymbol, { files }: Pick<Subject, "files"> = { files: [] }): Place {
  const { kind, location } = symbol.declarations[0] as Declaration;
  const isType = kind === "interface" || kind === "typeAlias";
  const file = fileOf(symbol).replace(/^.*\/|\.ts$/g, "");
  const rank = files.includes(file) ? files.indexOf(file) : files.length;
  return [isType ? 1 : 0, rank, file, location.line];
}

type Place = readonly [isType: number, rank: number, file: string, line: number];

function compare(a: Place, b: Place): number {
  return a[0] - b[0] || a[1] - b[1] || a[2].localeCompare(b[2], "en") || a[3] - b[3];
}
