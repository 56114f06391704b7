/** The backend over koffi, an optional peer dependency, for Node older than 26.9. */
import type { Backend } from "./types.ts";
import { bind, mapTable, type NativeFunction, spell, type Spelling } from "./bind.ts";
import { causeOf } from "../error.ts";
import { builtin } from "../host.ts";

/** The part of koffi that is used here; its own types are not needed then. */
interface Koffi {
  load(library: string): {
    func(name: string, result: string, parameters: readonly string[]): NativeFunction;
  };
  address(buffer: ArrayBuffer): bigint | number;
  view(address: bigint, byteLength: number): ArrayBuffer;
}

const spelling: Spelling = {
  names: { i32: "int32", u32: "uint32", i64: "int64", address: "uint64", handle: "int64" },
  wide: new Set(),
};

/**
 * The backend, or the reason why this process has none.
 *
 * @throws {Error} when koffi is not found; the errors of the runtime are its cause
 */
export function koffiBackend(): Backend | string {
  if (globalThis.process?.versions?.["node"] === undefined) return "this is not Node";
  const koffi = requireKoffi();
  if (koffi === undefined) return "this Node has no process.getBuiltinModule";
  return {
    name: "koffi",
    load(library, table) {
      const opened = koffi.load(library);
      const natives = mapTable(table, (prototype, name) => {
        const { parameters, result } = spell(prototype, spelling);
        return opened.func(name, result, parameters);
      });
      return bind(table, natives, spelling);
    },
    addressOf: (buffer) => Number(koffi.address(buffer)),
    view: (address, byteLength) => koffi.view(BigInt(address), byteLength),
  };
}

/**
 * Looks for koffi where the application would: from its main script, then from the working
 * folder. A static import would make koffi a dependency of every user, and `import.meta` does not
 * exist in CommonJS.
 */
function requireKoffi(): Koffi | undefined {
  const modules = builtin<typeof import("node:module")>("node:module");
  const fs = builtin<typeof import("node:fs")>("node:fs");
  const path = builtin<typeof import("node:path")>("node:path");
  if (modules === undefined || fs === undefined || path === undefined) return undefined;
  const script = globalThis.process.argv[1];
  const places = [globalThis.process.cwd() + path.sep];
  if (script !== undefined && fs.existsSync(script)) places.unshift(fs.realpathSync(script));
  const causes: unknown[] = [];
  for (const place of places) {
    try {
      return modules.createRequire(place)("koffi") as Koffi;
    } catch (error) {
      if ((error as { code?: unknown }).code !== "MODULE_NOT_FOUND") throw error;
      causes.push(error);
    }
  }
  throw new Error("koffi is not installed", { cause: causeOf(causes) });
}
