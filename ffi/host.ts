/** The running system, runtime and process, found without an import and without a permission. */

/**
 * The name of the running system, as in `process.platform`.
 *
 * In Deno it comes from `Deno.build`: the first use of `process` there loads the whole Node layer, which
 * takes longer than all the rest of a first duplicate.
 */
export function osName(): string {
  const os = (globalThis as { Deno?: { build?: { os?: string } } }).Deno?.build?.os;
  if (os !== undefined) return os === "windows" ? "win32" : os;
  return globalThis.process?.platform ?? "unknown";
}

/** Whether the running system is Windows: handles are `HANDLE`s and numbers are Win32's. */
export function isWindows(): boolean {
  return osName() === "win32";
}

/** The processor, as in `process.arch`; in Deno without `process`, as in {@linkcode osName}. */
export function arch(): string {
  const name = (globalThis as { Deno?: { build?: { arch?: string } } }).Deno?.build?.arch;
  if (name !== undefined) return name === "x86_64" ? "x64" : name === "aarch64" ? "arm64" : name;
  return globalThis.process?.arch ?? "unknown";
}

/** The process identifier; in Deno without `process`, as in {@linkcode osName}. */
export function pid(): number {
  return (globalThis as { Deno?: { pid?: number } }).Deno?.pid ?? globalThis.process.pid;
}

/** Whether the error is the runtime's refusal of a missing permission, rather than the system's. */
export function isForbidden(error: unknown): boolean {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === "NotCapable" || name === "PermissionDenied" || code === "ERR_ACCESS_DENIED";
}

/**
 * The functions of Node that are used here and that a program may replace, as tests do. Loading a module to
 * keep them would take longer than all the rest of an import, and so would copying all of a module.
 */
const replaceable = {
  "node:fs": [
    "chmodSync",
    "closeSync",
    "createReadStream",
    "createWriteStream",
    "existsSync",
    "fstatSync",
    "lstatSync",
    "openSync",
    "readSync",
    "realpathSync",
    "Stats",
    "unlinkSync",
    "writeSync",
  ],
  "node:fs/promises": ["open"],
  "node:net": ["connect", "createServer", "Socket"],
  "node:child_process": ["spawn"],
} as const;

type Replaceable = typeof replaceable;
type Kept<Name extends keyof Replaceable, Module> = Pick<
  Module,
  Replaceable[Name][number] & keyof Module
>;

/** The modules of which functions are kept, with these. */
interface KeptModules {
  "node:fs": Kept<"node:fs", typeof import("node:fs")> & {
    readonly promises: Kept<"node:fs/promises", typeof import("node:fs/promises")>;
  };
  "node:fs/promises": Kept<"node:fs/promises", typeof import("node:fs/promises")>;
  "node:net": Kept<"node:net", typeof import("node:net")>;
  "node:child_process": Kept<"node:child_process", typeof import("node:child_process")>;
}

/** What {@linkcode keptBuiltin} found, by name. */
const found: Map<string, object> = /* @__PURE__ */ keepLoaded();

/**
 * The functions of a module of Node that were there when this library was imported; or, of a module that the
 * program had not loaded by then, those of its first use here. What a program puts in their place later is
 * not called. `undefined` when the runtime has no such module.
 */
export function keptBuiltin<Name extends keyof KeptModules>(
  name: Name,
): KeptModules[Name] | undefined {
  let module = found.get(name);
  if (module === undefined && (module = keep(name)) !== undefined) found.set(name, module);
  return module as KeptModules[Name] | undefined;
}

/** A built-in module of the runtime, found without an `import` that a bundler would follow. */
export function builtin<Module>(name: string): Module | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as Module | undefined;
}

/** Keeps what the program has loaded. It is the one thing that an import of this library does. */
function keepLoaded(): Map<string, object> {
  const modules = new Map<string, object>();
  // Bun does not say what is loaded. It keeps by itself what the program imports: see importedByBun().
  if ("Bun" in globalThis) return modules;
  const isLoaded = "Deno" in globalThis ? loadedInDeno() : loadedInNode();
  for (const name of Object.keys(replaceable)) {
    if (isLoaded(name)) modules.set(name, keep(name as keyof Replaceable)!);
  }
  return modules;
}

function loadedInNode(): (name: string) => boolean {
  const { moduleLoadList: list = [] } = (globalThis.process ?? {}) as { moduleLoadList?: string[] };
  const isInList = (name: string) => list.includes(`NativeModule ${name}`);
  return (name) => isInList(name === "node:fs/promises" ? "internal/fs/promises" : name.slice(5));
}

/** Deno leaves these when node:fs makes it load `process`, and with node:child_process. */
function loadedInDeno(): (name: string) => boolean {
  const { Deno: deno } = globalThis as unknown as { Deno: { readonly internal: symbol } };
  const hasProcess = "_stdout" in globalThis.console;
  const internals = (deno as unknown as Record<symbol, object>)[deno.internal] ?? {};
  const hasChildren = hasProcess && "__setupChildProcessIpcChannel" in internals;
  return (name) => name.startsWith("node:fs") ? hasProcess : hasChildren;
}

/** The functions of a module as they are now. */
function keep(name: keyof Replaceable): object | undefined {
  const module = "Bun" in globalThis ? importedByBun(name) : builtin<object>(name);
  if (module === undefined) return undefined;
  const kept: Record<string, unknown> = {};
  for (const each of replaceable[name]) kept[each] = (module as typeof kept)[each];
  if (name !== "node:fs") return kept;
  return Object.defineProperty(kept, "promises", { get: () => keptBuiltin("node:fs/promises") });
}

/**
 * What an `import` of a module brings in Bun: the functions that were there at the first `import` of it in
 * the program. Bun is the only runtime that loads such a text without waiting.
 */
function importedByBun(name: string): object | undefined {
  const modules = builtin<typeof import("node:module")>("node:module");
  try {
    return modules?.createRequire("/")(`data:text/javascript,export*from${JSON.stringify(name)}`);
  } catch {
    return builtin(name); // as it is now
  }
}
