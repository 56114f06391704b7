/**
 * The backend over `node:ffi`, which Node has since 26.9, and since 26.1 with `--experimental-ffi`.
 *
 * Node wraps every function that has an integer parameter in checks written in JavaScript, one
 * wrapper source for all functions with the same number of parameters. Once two functions share a
 * wrapper that has become hot, the engine gives up the direct native call for both and goes the
 * long way through libffi: the calls become slower after warm-up, at half again their price. A
 * function whose parameters are all pointers, at least two of them, gets no wrapper. So every
 * parameter is declared a pointer here; in the registers of every 64-bit calling convention an
 * integer that was widened to 64 bits is the same as that integer, and an argument too many is not
 * looked at.
 */
import type { Backend, Calls, SymbolTable } from "./types.ts";
import { mapTable, type NativeFunction } from "./bind.ts";
import { builtin } from "../host.ts";

/** The part of `node:ffi` that is used here, so that no runtime's types are needed. */
interface NodeFfi {
  dlopen(library: string, definitions: unknown): { functions: Record<string, NativeFunction> };
  getRawPointer(buffer: ArrayBuffer): bigint;
  toArrayBuffer(pointer: bigint, byteLength: number, copy: boolean): ArrayBuffer;
}

const results = {
  i32: "int32",
  u32: "uint32",
  i64: "int64",
  address: "uint64",
  handle: "int32",
} as const;

/** The backend, or why there is none. */
export function nodeBackend(): Backend | string {
  const ffi = builtin<NodeFfi>("node:ffi");
  if (ffi === undefined) return "this runtime has no node:ffi";
  const widen = widener();
  return {
    name: "node:ffi",
    load<Table extends SymbolTable>(library: string, table: Table): Calls<Table> {
      const definitions = mapTable(table, ({ parameters, result }) => ({
        arguments: parameters.length === 0 ? [] : pointers(Math.max(parameters.length, 2)),
        return: results[result],
      }));
      const { functions } = ffi.dlopen(library, definitions);
      return mapTable(
        table,
        ({ parameters }, name) =>
          adapt(functions[name] as NativeFunction, parameters.length, widen),
      ) as Calls<Table>;
    },
    addressOf: (buffer) => Number(ffi.getRawPointer(buffer)),
    view: (address, byteLength) => ffi.toArrayBuffer(BigInt(address), byteLength, false),
  };
}

function pointers(count: number): string[] {
  return Array<string>(count).fill("pointer");
}

type Call = (...values: number[]) => number;

/**
 * Takes numbers where the native function takes pointers.
 *
 * Each function gets an adapter with a source of its own. Adapters that came from one source would
 * share what the engine learns about their calls, which is the trap described above once more.
 * Where the process forbids code from strings, the shared source serves.
 */
function adapt(
  native: NativeFunction,
  count: number,
  widen: (value: number) => bigint,
): Call {
  if (count === 0) return native as Call;
  const names = Array.from({ length: count }, (_, at) => `a${at}`);
  const passed = names.map((name) => `widen(${name})`);
  if (count === 1) passed.push("0n");
  try {
    const make = new Function(
      "native",
      "widen",
      `return (${names}) => Number(native(${passed}))`,
    );
    return make(native, widen) as Call;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    return (...values) => {
      const wide = values.map(widen);
      if (wide.length === 1) wide.push(0n);
      return Number(native(...wide));
    };
  }
}

/** Descriptors, flags and commands below this are widened without an allocation. */
const SMALL = 2048;

/** A function that gives a value as the unsigned 64 bits that its register holds. */
function widener(): (value: number) => bigint {
  const small = Array.from({ length: SMALL }, (_, at) => BigInt(at));
  return (value) =>
    value >= 0 && value < SMALL ? small[value] as bigint : BigInt.asUintN(64, BigInt(value));
}
