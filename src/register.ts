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
import type { SecurityAttributes } from "./file/options.ts";
import { nodeFs } from "./util/node_fs.ts";

declare module "node:fs/promises" {
  interface FileHandle {
    /** A copy of this file handle, as `copyFileHandle` makes it. */
    duplicate(flags?: number, securityAttributes?: SecurityAttributes): Promise<FileHandle>;
  }
}

const { promises } = nodeFs();
const open = promises.open;

// No runtime exports its FileHandle, so its prototype is found on the first one that is opened.
const watching = async function (this: unknown, ...args: Parameters<typeof open>) {
  const file = await open.apply(this, args);
  addMethod(file);
  return file;
} as typeof open;
promises.open = watching;
syncNamedImports();

// In Bun, and in Deno where it was imported before, a named import of `open` goes on meaning the
// original. A FileHandle there is an EventEmitter, so until the first one is seen, the method is
// looked for on that prototype. What is none must not notice: it can have a `duplicate` of its own.
const emitters = builtin<typeof import("node:events")>("node:events")!.EventEmitter.prototype;
Object.defineProperty(emitters, "duplicate", { configurable: true, get: find, set: setOwn });

function find(this: unknown): unknown {
  if (!isFileHandle(this)) return undefined;
  addMethod(this);
  return this.duplicate;
}

/** What an assignment does where no accessor is inherited. */
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
      flags?: number,
      securityAttributes?: SecurityAttributes,
    ): Promise<FileHandle> {
      return copyFileHandle(this, flags, securityAttributes);
    },
  });
  // What somebody else has put in place since then stays.
  if (promises.open === watching) {
    promises.open = open;
    syncNamedImports();
  }
  if (Object.getOwnPropertyDescriptor(emitters, "duplicate")?.get !== find) return;
  delete (emitters as { duplicate?: unknown }).duplicate;
}

function isFileHandle(value: unknown): value is FileHandle {
  const { constructor, fd } = value as { constructor?: { name?: unknown }; fd?: unknown };
  return constructor?.name === "FileHandle" && typeof fd === "number";
}

function syncNamedImports(): void {
  builtin<typeof import("node:module")>("node:module")?.syncBuiltinESMExports?.();
}
