/**
 * Shared by the backends: symbol tables in the words of a runtime, and calls that take numbers only.
 */
import type { Calls, NativeType, Prototype, SymbolTable } from "./types.ts";

/** A bound function as a runtime's FFI makes it. */
export type NativeFunction = (...values: unknown[]) => unknown;

/** A runtime's names for the native types. A result of type `handle` is declared as `i32`. */
export interface Spelling {
  readonly names: Readonly<Record<NativeType, string>>;
  /** The parameter types that this runtime accepts only as `bigint`. */
  readonly wide: ReadonlySet<NativeType>;
}

/** Makes a record with the names of a table and one value for each of its functions. */
export function mapTable<Result>(
  table: SymbolTable,
  change: (prototype: Prototype, name: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(
    Object.entries(table).map(([name, prototype]) => [name, change(prototype, name)]),
  );
}

/** The types of one function by a runtime's names. */
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
 * Makes calls that take and return numbers only.
 *
 * A function without 64-bit values is used as the runtime made it, so the hot calls have no layer above
 * the runtime's own.
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
