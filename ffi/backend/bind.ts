/** What the backends share: describing a table to a runtime, and binding what it answers. */
import type { Calls, NativeType, Prototype, SymbolTable } from "./types.ts";

/** A function as a runtime's FFI hands it out. */
export type NativeFunction = (...values: unknown[]) => unknown;

/** How a runtime spells the native types. A `handle` that comes back is read as its `i32`. */
export interface Spelling {
  readonly names: Readonly<Record<NativeType, string>>;
  /** The parameter types that this runtime takes as `bigint` only. */
  readonly wide: ReadonlySet<NativeType>;
}

/** The same keys with other values: a table as a runtime wants it, or as it came back. */
export function mapTable<Result>(
  table: SymbolTable,
  change: (prototype: Prototype, name: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(
    Object.entries(table).map(([name, prototype]) => [name, change(prototype, name)]),
  );
}

/** One function's types in a runtime's own words: those of its parameters, then its result's. */
export function spell(
  { parameters, result }: Prototype,
  { names }: Spelling,
): { readonly parameters: string[]; readonly result: string } {
  return {
    parameters: parameters.map((type) => names[type]),
    result: names[result === "handle" ? "i32" : result],
  };
}

/**
 * The table's functions, taking and giving numbers only.
 *
 * A function without 64-bit values is handed on as the runtime made it: the hot calls have no
 * layer above the runtime's own.
 */
export function bind<Table extends SymbolTable>(
  table: Table,
  natives: Readonly<Record<string, NativeFunction>>,
  spelling: Spelling,
): Calls<Table> {
  return mapTable(
    table,
    (prototype, name) => convert(natives[name] as NativeFunction, prototype, spelling.wide),
  ) as Calls<Table>;
}

function convert(
  native: NativeFunction,
  { parameters, result }: Prototype,
  wide: ReadonlySet<NativeType>,
): NativeFunction {
  if (parameters.some((type) => wide.has(type))) {
    const widen = parameters.map((type) => wide.has(type));
    return (...values) =>
      Number(native(...values.map((value, at) => widen[at] ? BigInt(value as number) : value)));
  }
  if (result === "i64" || result === "address") return (...values) => Number(native(...values));
  return native;
}
