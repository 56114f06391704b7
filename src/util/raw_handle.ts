/** The type of a raw handle. */

/**
 * The number of a handle: a file descriptor on POSIX, a `HANDLE` on Windows, of which only 32 bits
 * are significant.
 */
export type RawHandle = number;
