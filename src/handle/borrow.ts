/** Borrowing a handle by its number. */
import type { RawHandle } from "../util/raw_handle.ts";
import { type BorrowedHandle, borrowedHandle } from "./handle.ts";

/**
 * Makes a {@linkcode BorrowedHandle} of a handle that other code owns, so that it can be a source.
 *
 * The number is a raw handle, as {@linkcode Handle.raw} is: a descriptor on POSIX, a `HANDLE` on
 * Windows. A descriptor of the runtime is no `HANDLE` there: give it to {@linkcode duplicate}, which
 * takes a number for one. −2, this thread, is allowed on Windows; −1 is refused, because it is also what
 * a failed call returns.
 *
 * @param raw the raw handle, which must stay open as long as the result is used
 * @returns the borrowed handle, which is not to be closed
 * @throws {TypeError} when the number cannot be a handle
 *
 * @example
 * ```ts
 * import { borrow, duplicate } from "duphandle";
 *
 * using stdout = duplicate(1);
 * using second = borrow(stdout.raw).duplicate();
 * ```
 */
export function borrow(raw: RawHandle): BorrowedHandle {
  return borrowedHandle(raw);
}
