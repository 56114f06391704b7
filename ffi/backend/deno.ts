/** The backend over `Deno.dlopen`. It needs `--allow-ffi`. */
import type { AsyncCalls, Backend, SymbolTable } from "./types.ts";
import { bind, mapTable, type NativeFunction, spell, type Spelling } from "./bind.ts";

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

const spelling: Spelling = {
  names: { i32: "i32", u32: "u32", i64: "i64", address: "u64", handle: "i64" },
  wide: new Set(),
};

/** The backend, or the reason why this process has none. */
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

/**
 * Requests permission for FFI as a whole; at a terminal Deno asks the user. Without this, Deno would
 * request permission for the name of the library as if it were a path, which is never right for a library
 * that the system finds by its name.
 */
function requireFfi({ permissions, errors }: DenoFfi): void {
  if (permissions.requestSync({ name: "ffi" }).state === "granted") return;
  throw new errors.NotCapable("Requires ffi access, run again with the --allow-ffi flag");
}
