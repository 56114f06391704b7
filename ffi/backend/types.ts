/**
 * The one interface between this library and a runtime's foreign function interface.
 *
 * Every value that crosses is a JavaScript `number`. An address fits, because user space ends
 * below 2^53 on every system; a `HANDLE` fits, because only its low 32 bits are significant.
 */

/**
 * The native types in our symbol tables.
 *
 * - `i32`, `u32`: 32-bit integers (`int`, `BOOL`, `DWORD`)
 * - `i64`: a signed 64-bit integer within ±2^53 (`off_t`, `ssize_t`)
 * - `address`: an unsigned, pointer-sized integer (`T *`, `size_t`)
 * - `handle`: a Windows `HANDLE`: sign-extended on the way in, its low 32 bits on the way out
 */
export type NativeType = "i32" | "u32" | "i64" | "address" | "handle";

/** The types of one C function, as the symbol tables give them. */
export interface Prototype {
  readonly parameters: readonly NativeType[];
  readonly result: NativeType;
}

/** The functions to bind from one library, by their C names. */
export type SymbolTable = Readonly<Record<string, Prototype>>;

/** The bound functions of a {@linkcode SymbolTable}. */
export type Calls<Table extends SymbolTable> = {
  readonly [Name in keyof Table]: (...values: Numbers<Table[Name]["parameters"]>) => number;
};

/** The bound functions of a {@linkcode SymbolTable}, each of which runs on another thread. */
export type AsyncCalls<Table extends SymbolTable> = {
  readonly [Name in keyof Table]: (
    ...values: Numbers<Table[Name]["parameters"]>
  ) => Promise<number>;
};

// Extract says that these are an array: TypeScript 5.2 does not see it.
type Numbers<Types extends readonly NativeType[]> = Extract<
  { -readonly [At in keyof Types]: number },
  number[]
>;

/** The foreign function interface of a runtime. One file per runtime implements it. */
export interface Backend {
  /** The name of the FFI in messages. */
  readonly name: string;
  /** Opens a library and binds every function of the table. Errors of the runtime are passed on. */
  load<Table extends SymbolTable>(library: string, table: Table): Calls<Table>;
  /**
   * As {@linkcode Backend.load}, but each call runs on another thread and may block there. Only some
   * runtimes have it. `errno` and `GetLastError` of that thread cannot be read, so it is of use only for
   * functions that return their error. The caller keeps the memory that it passes alive until the end.
   */
  loadAsync?<Table extends SymbolTable>(library: string, table: Table): AsyncCalls<Table>;
  /** The address of a buffer's first byte. The caller keeps the buffer alive. */
  addressOf(buffer: ArrayBuffer): number;
  /** A buffer over native memory. The caller makes sure that the memory outlives it. */
  view(address: number, byteLength: number): ArrayBuffer;
}
