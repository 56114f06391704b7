/**
 * The backend over `node:ffi`, which Node has since 26.9, and since 26.1 with `--experimental-ffi`.
 *
 * Node wraps every function that has an integer parameter in checks written in JavaScript, with one
 * wrapper source for all functions of the same number of parameters. Once two functions share a hot
 * wrapper, the engine gives up the direct native call of both and calls them through libffi: after
 * warm-up a call takes half as long again. A function gets no wrapper when all its parameters are
 * pointers and there are at least two. So every parameter is declared a pointer here. In every 64-bit
 * calling convention an integer widened to 64 bits is passed in the same register as the integer itself,
 * and the callee ignores a surplus argument.
 */
import type { Backend, Calls, SymbolTable } from "./types.ts";
import { mapTable, type NativeFunction } from "./bind.ts";
import { builtin } from "../host.ts";

/** The part of `node:ffi` that is used here; the runtime's own types are not needed then. */
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

/** The backend, or the reason why this process has none. */
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
 * Makes a function that takes numbers where the native function takes pointers.
 *
 * Each adapter is compiled from a source of its own. Adapters with one source would share the engine's
 * type feedback, with the same effect as the shared wrappers described above. Where the process forbids
 * code from strings, the adapters do share one source.
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

/** Numbers below this, such as descriptors, flags and commands, are widened without an allocation. */
const SMALL = 2048;

/** Makes a function that widens a number to the unsigned 64-bit value of its register. */
function widener(): (value: number) => bigint {
  const small = Array.from({ length: SMALL }, (_, at) => BigInt(at));
  return (value) =>
    value >= 0 && value < SMALL ? small[value] as bigint : BigInt.asUintN(64, BigInt(value));
}
