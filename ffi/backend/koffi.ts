/** The backend over koffi, an optional peer dependency, for Node older than 26.9. */
import type { Backend } from "./types.ts";
import { bind, mapTable, type NativeFunction, spell, type Spelling } from "./bind.ts";
import { builtin, keptBuiltin } from "../host.ts";

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
 * @throws {Error} when koffi is not found; it lists from where it was looked for
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
 * Looks for koffi where the library itself is, as an import of it would, then where the application would
 * look: from its main script and from the working folder. A bundle may be anywhere. A static import would
 * make koffi a dependency of every user.
 */
function requireKoffi(): Koffi | undefined {
  const modules = builtin<typeof import("node:module")>("node:module");
  if (modules === undefined) return undefined;
  const places = placesOfKoffi();
  for (const place of places) {
    const requireFrom = modules.createRequire(place);
    let file: string;
    try {
      file = requireFrom.resolve("koffi");
    } catch (error) {
      if ((error as { code?: unknown }).code !== "MODULE_NOT_FOUND") throw error;
      continue;
    }
    return requireFrom(file) as Koffi;
  }
  throw new Error(`koffi is not installed where ${places.join(" or ")} would find it`);
}

/** The files and the folder from which koffi is looked for. */
function placesOfKoffi(): string[] {
  const fs = keptBuiltin("node:fs")!;
  const path = builtin<typeof import("node:path")>("node:path")!;
  // A bundler may leave nothing of it, or the path of a file that was on its machine.
  const own = (import.meta as { readonly filename?: string }).filename;
  const places = [own, globalThis.process.argv[1]].filter((file) => file !== undefined)
    .filter((file) => fs.existsSync(file)).map((file) => fs.realpathSync(file));
  try {
    places.push(globalThis.process.cwd() + path.sep);
  } catch {
    // The working folder was removed.
  }
  return [...new Set(places)];
}
