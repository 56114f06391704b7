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
 * The modules of Node whose functions a program may replace, as tests do. Loading them for that alone would
 * take longer than all the rest of an import.
 */
const replaceable: readonly string[] = [
  "node:fs",
  "node:fs/promises",
  "node:net",
  "node:child_process",
];

/** What {@linkcode builtin} found, by name. */
const found: Map<string, object> = /* @__PURE__ */ keepLoaded();

/**
 * A built-in module of the runtime, found without an `import` that a bundler would follow. It has the
 * functions that were there when this library was imported; or, of a module that the program had not
 * loaded by then, those of its first use here. What a program puts in their place later is not called.
 */
export function builtin<Module>(name: string): Module | undefined {
  let module = found.get(name);
  if (module === undefined && (module = keep(name)) !== undefined) found.set(name, module);
  return module as Module | undefined;
}

/** The same module as the program has it, in which functions can be replaced. */
export function liveBuiltin<Module>(name: string): Module | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as Module | undefined;
}

/** Keeps what the program has loaded. It is the one thing that an import of this library does. */
function keepLoaded(): Map<string, object> {
  const modules = new Map<string, object>();
  for (const name of replaceable.filter(loadedTest())) modules.set(name, keep(name)!);
  return modules;
}

/** A function that says whether a module was loaded, as far as the runtime tells without loading it. */
function loadedTest(): (name: string) => boolean {
  const { Deno: deno } = globalThis as { Deno?: { readonly internal: symbol } };
  if (deno !== undefined) {
    // What Deno adds when node:fs makes it load `process`, and with node:child_process.
    const hasProcess = "_stdout" in globalThis.console;
    const internals = (deno as unknown as Record<symbol, object>)[deno.internal] ?? {};
    const hasChildren = hasProcess && "__setupChildProcessIpcChannel" in internals;
    return (name) => name.startsWith("node:fs") ? hasProcess : hasChildren;
  }
  // A list without an entry in Bun, which keeps by itself what the program imports: see importedByBun().
  const { moduleLoadList: list = [] } = (globalThis.process ?? {}) as { moduleLoadList?: string[] };
  const internal: Readonly<Record<string, string>> = { "node:fs/promises": "internal/fs/promises" };
  return (name) => list.includes(`NativeModule ${internal[name] ?? name.slice("node:".length)}`);
}

/** A module with the functions that it has now. One that is itself a function is not copied. */
function keep(name: string): object | undefined {
  const module = liveBuiltin<object>(name);
  if (typeof module !== "object" || !name.startsWith("node:")) return module;
  const source = "Bun" in globalThis && replaceable.includes(name) ? importedByBun(name) : module;
  const kept = Object.create(module) as object;
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    // What is no function stays the module's. An accessor loads what may never be needed.
    if (typeof value !== "function") continue;
    Object.defineProperty(kept, key, { value: (source as Record<string, unknown>)[key] });
  }
  if (name !== "node:fs") return kept;
  return Object.defineProperty(kept, "promises", { get: () => builtin("node:fs/promises") });
}

/**
 * What an `import` of a module brings in Bun: the functions that were there at the first `import` of it in
 * the program. Bun is the only runtime that loads such a text without waiting.
 */
function importedByBun(name: string): object | undefined {
  const modules = liveBuiltin<typeof import("node:module")>("node:module");
  return modules?.createRequire("/")(
    `data:text/javascript,export*from${JSON.stringify(name)}`,
  ) as object;
}
