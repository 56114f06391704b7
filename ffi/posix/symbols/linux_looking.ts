/** Linux: what only looking at handles needs, bound at its first use. */
import type { SymbolTable } from "../../backend/mod.ts";

/** A link in /proc is at most a page long, so the result fits an `i32`. */
export const linkSymbols = {
  // ssize_t readlink(const char *pathname, char *buf, size_t bufsiz);
  readlink: { parameters: ["address", "address", "address"], result: "i32" },
} as const satisfies SymbolTable;
