/**
 * The one interface between this library and a runtime's foreign function interface.
 *
 * Every value that crosses is a JavaScript `number`. An address fits, because user space ends
 * below 2^53 on every system; a `HANDLE` fits, because only its low 32 bits are significant.
 */

/**
 * The native types that our system calls use.
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

/** The functions wanted from one library, by their C names. */
export type SymbolTable = Readonly<Record<string, Prototype>>;

/** The bound functions of a {@linkcode SymbolTable}. */
export type Calls<Table extends SymbolTable> = {
  readonly [Name in keyof Table]: (...values: Numbers<Table[Name]["parameters"]>) => number;
};

/** The bound functions of a {@linkcode SymbolTable}, each running on another thread. */
export type AsyncCalls<Table extends SymbolTable> = {
  readonly [Name in keyof Table]: (
    ...values: Numbers<Table[Name]["parameters"]>
  ) => Promise<number>;
};

type Numbers<Types extends readonly NativeType[]> = { -readonly [At in keyof Types]: number };

/** What a runtime's FFI must offer. One file per runtime implements it. */
export interface Backend {
  /** The name users know the FFI by. */
  readonly name: string;
  /** Opens a library and binds every function of the table, or throws what the runtime throws. */
  load<Table extends SymbolTable>(library: string, table: Table): Calls<Table>;
  /**
   * As {@linkcode Backend.load}, where the runtime can: each call runs on another thread and may
   * block there. What it left in `errno` or for `GetLastError` is lost, so only functions that
   * return their error are of use. The caller keeps the memory that it passes alive until the end.
   */
  loadAsync?<Table extends SymbolTable>(library: string, table: Table): AsyncCalls<Table>;
  /** The address of a buffer's first byte. The caller keeps the buffer alive. */
  addressOf(buffer: ArrayBuffer): number;
  /** A window on native memory. The caller knows that the memory outlives it. */
  view(address: number, byteLength: number): ArrayBuffer;
}
