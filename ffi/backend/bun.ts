/** The backend over `bun:ffi`. */
import type { Backend } from "./types.ts";
import { bind, mapTable, type NativeFunction, spell, type Spelling } from "./bind.ts";
import { builtin } from "../host.ts";

/** The part of `bun:ffi` that is used here; the runtime's own types are not needed then. */
interface BunFfi {
  dlopen(library: string, definitions: unknown): { symbols: Record<string, NativeFunction> };
  ptr(view: ArrayBuffer): number;
  toArrayBuffer(pointer: number, byteOffset: number, byteLength: number): ArrayBuffer;
}

// A HANDLE must not be `ptr`, which is for memory only (oven-sh/bun#25886).
const spelling: Spelling = {
  names: { i32: "i32", u32: "u32", i64: "i64", address: "u64", handle: "i64" },
  wide: new Set(),
};

/** The backend, or the reason why this process has none. */
export function bunBackend(): Backend | string {
  if (globalThis.process?.versions?.["bun"] === undefined) return "this is not Bun";
  const ffi = builtin<BunFfi>("bun:ffi");
  if (ffi === undefined) return "this Bun has no bun:ffi";
  return {
    name: "bun:ffi",
    load(library, table) {
      const definitions = mapTable(table, (prototype) => {
        const { parameters, result } = spell(prototype, spelling);
        return { args: parameters, returns: result };
      });
      return bind(table, ffi.dlopen(library, definitions).symbols, spelling);
    },
    addressOf: (buffer) => ffi.ptr(buffer),
    view: (address, byteLength) => ffi.toArrayBuffer(address, 0, byteLength),
  };
}
