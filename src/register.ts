/**
 * Adds `duplicate()` to the runtime's own `fs/promises` `FileHandle`.
 *
 * @example
 * ```ts
 * import "duphandle/register";
 * import { open } from "node:fs/promises";
 *
 * const original = await open("README.md");
 * const copied = await original.duplicate();
 * console.log(original.fd, copied.fd);
 * await original.close();
 * await copied.close();
 * ```
 *
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { builtin } from "../ffi/host.ts";
import { copyFileHandle } from "./file/copy_file_handle.ts";
import type { CopyAttributes } from "./file/options.ts";
import type { DuplicateOptions } from "./handle/options.ts";

declare module "node:fs/promises" {
  interface FileHandle {
    /**
     * A copy of this file handle, as `copyFileHandle` makes it.
     *
     * @param options access, inheritance, and whether this file is closed
     * @returns the copy, which the caller closes
     */
    duplicate(options: DuplicateOptions): Promise<FileHandle>;
    /**
     * A copy of this file handle, as `copyFileHandle` makes it, with flags in place of the options.
     *
     * @param flags `CopyFlags`, combined with `|`
     * @param securityAttributes access and inheritance as Windows programs give them
     * @returns the copy, which the caller closes
     */
    duplicate(flags?: number, securityAttributes?: CopyAttributes): Promise<FileHandle>;
  }
}

const { promises } = builtin<typeof import("node:fs")>("node:fs")!;
const open = promises.open;

// No runtime exports its FileHandle, so its prototype is taken from the first one that is opened.
const openAndExtend = async function (this: unknown, ...args: Parameters<typeof open>) {
  const file = await open.apply(this, args);
  addMethod(file);
  return file;
} as typeof open;
promises.open = openAndExtend;
syncNamedImports();

// In Bun, and in Deno for modules that were loaded before, a named import of `open` still refers to
// the original function. A FileHandle is an EventEmitter there, so until the first FileHandle is
// seen, an accessor on that prototype finds the method. Other emitters are not affected: they can
// have a property `duplicate` of their own.
const emitters = builtin<typeof import("node:events")>("node:events")!.EventEmitter.prototype;
Object.defineProperty(emitters, "duplicate", {
  configurable: true,
  get: findDuplicate,
  set: setOwn,
});

function findDuplicate(this: unknown): unknown {
  if (!isFileHandle(this)) return undefined;
  addMethod(this);
  return this.duplicate;
}

/** Assigns as if no accessor were inherited. */
function setOwn(this: object, value: unknown): void {
  const property = { configurable: true, enumerable: true, writable: true, value };
  Object.defineProperty(this, "duplicate", property);
}

function addMethod(file: FileHandle): void {
  Object.defineProperty(Object.getPrototypeOf(file), "duplicate", {
    configurable: true,
    writable: true,
    value: function duplicate(
      this: FileHandle,
      flagsOrOptions?: number | DuplicateOptions,
      securityAttributes?: CopyAttributes,
    ): Promise<FileHandle> {
      // It checks which of its two forms these arguments are.
      return copyFileHandle(this, flagsOrOptions as number, securityAttributes);
    },
  });
  // A function that other code has put in place since then stays.
  if (promises.open === openAndExtend) {
    promises.open = open;
    syncNamedImports();
  }
  if (Object.getOwnPropertyDescriptor(emitters, "duplicate")?.get !== findDuplicate) return;
  delete (emitters as { duplicate?: unknown }).duplicate;
}

function isFileHandle(value: unknown): value is FileHandle {
  const { constructor, fd } = value as { constructor?: { name?: unknown }; fd?: unknown };
  return constructor?.name === "FileHandle" && typeof fd === "number";
}

function syncNamedImports(): void {
  builtin<typeof import("node:module")>("node:module")?.syncBuiltinESMExports?.();
}
