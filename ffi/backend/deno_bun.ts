/** The backends over `Deno.dlopen`, which needs `--allow-ffi`, and over `bun:ffi`. Both spell types alike. */
import type { AsyncCalls, Backend, SymbolTable } from "./types.ts";
import { bind, mapTable, type NativeFunction, spell, type Spelling } from "./bind.ts";
import { builtin } from "../host.ts";

type Pointer = { readonly pointer: unique symbol } | null;

/** The part of `Deno` that is used here; the runtime's own types are not needed then. */
interface DenoFfi {
  permissions: { requestSync(wanted: { name: "ffi" }): { state: string } };
  errors: { NotCapable: new (message: string) => Error };
  dlopen(library: string, definitions: unknown): { symbols: Record<string, NativeFunction> };
  UnsafePointer: {
    of(buffer: ArrayBuffer): Pointer;
    value(pointer: Pointer): bigint;
    create(address: bigint): Pointer;
  };
  UnsafePointerView: { getArrayBuffer(pointer: Pointer, byteLength: number): ArrayBuffer };
}

/** The part of `bun:ffi` that is used here; the runtime's own types are not needed then. */
interface BunFfi {
  dlopen(library: string, definitions: unknown): { symbols: Record<string, NativeFunction> };
  ptr(view: ArrayBuffer): number;
  toArrayBuffer(pointer: number, byteOffset: number, byteLength: number): ArrayBuffer;
}

// A HANDLE must not be `ptr` of Bun, which is for memory only (oven-sh/bun#25886).
const spelling: Spelling = {
  names: { i32: "i32", u32: "u32", i64: "i64", address: "u64", handle: "i64" },
  wide: new Set(),
};

/** The backend of Deno, or the reason why this process has none. */
export function denoBackend(): Backend | string {
  const deno = (globalThis as { Deno?: unknown }).Deno as DenoFfi | undefined;
  if (deno === undefined) return "this is not Deno";
  if (typeof deno.dlopen !== "function") return "this Deno has no Deno.dlopen";
  const { UnsafePointer, UnsafePointerView } = deno;
  return {
    name: "Deno.dlopen",
    load(library, table) {
      requireFfi(deno);
      const definitions = mapTable(table, (prototype) => spell(prototype, spelling));
      return bind(table, deno.dlopen(library, definitions).symbols, spelling);
    },
    loadAsync<Table extends SymbolTable>(library: string, table: Table) {
      requireFfi(deno);
      const definitions = mapTable(table, (prototype) => ({
        ...spell(prototype, spelling),
        nonblocking: true,
      }));
      const { symbols } = deno.dlopen(library, definitions);
      return mapTable(table, (_, name) => async (...values: number[]) => {
        return Number(await symbols[name]!(...values));
      }) as AsyncCalls<Table>;
    },
    addressOf: (buffer) => Number(UnsafePointer.value(UnsafePointer.of(buffer))),
    view: (address, byteLength) =>
      UnsafePointerView.getArrayBuffer(UnsafePointer.create(BigInt(address)), byteLength),
  };
}

/** The backend of Bun, or the reason why this process has none. */
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

/**
 * Requests permission for FFI as a whole; at a terminal Deno asks the user. Without this, Deno would
 * request permission for the name of the library as if it were a path, which is never right for a library
 * that the system finds by its name.
 */
function requireFfi({ permissions, errors }: DenoFfi): void {
  if (permissions.requestSync({ name: "ffi" }).state === "granted") return;
  throw new errors.NotCapable("Requires ffi access, run again with the --allow-ffi flag");
}
