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

/** A built-in module of the runtime, found without an `import` that a bundler would follow. */
export function builtin<Module>(name: string): Module | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as Module | undefined;
}
