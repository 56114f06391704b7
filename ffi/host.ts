/** What the running process is, asked without an import and without a permission. */

/**
 * The running system, as `process.platform` names it.
 *
 * Deno tells it by itself: the first look at `process` there starts all of its Node layer, which
 * takes longer than everything else that a first duplicate does.
 */
export function platform(): string {
  const os = (globalThis as { Deno?: { build?: { os?: string } } }).Deno?.build?.os;
  if (os !== undefined) return os === "windows" ? "win32" : os;
  return globalThis.process?.platform ?? "unknown";
}

/** Whether the running system is Windows: handles are `HANDLE`s and numbers are Win32's. */
export function isWindows(): boolean {
  return platform() === "win32";
}

/** A built-in module of the runtime, found without an `import` that a bundler would follow. */
export function builtin<Module>(name: string): Module | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as Module | undefined;
}
