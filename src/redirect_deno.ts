/**
 * Deno's own duplicates of fds 1 and 2: a child with `"inherit"` gets one of those. Deno makes them
 * before it runs any program, first that of fd 1, and tells nobody their numbers.
 */
import { failure } from "../ffi/error.ts";
import { platform } from "../ffi/host.ts";
import { libc } from "../ffi/posix/libc.ts";

/** fcntl.h of Linux: the signal of an open file, which is sent only where O_ASYNC is set. */
const F_SETSIG = 10;
const F_GETSIG = 11;

/** Two real-time signals, to be seen at one descriptor after they were set at another. */
const MARKS = [61, 62];

/** Deno's duplicates are among the first descriptors of the process. */
const SEARCHED = 256;

let found: { readonly 1: number; readonly 2: number } | undefined;

/**
 * The descriptor that children get for this one.
 *
 * @throws {HandleError} `ENOTSUP` when none shares the open file: the descriptor was replaced
 * before, and children have not followed
 */
export function descriptorForChildren(fd: 1 | 2): number {
  return (found ??= find(fd))[fd];
}

function find(fd: number): { 1: number; 2: number } {
  const shares: Record<number, number[]> = { 1: sharersOf(1), 2: sharersOf(2) };
  const first = shares[1]?.[0];
  const second = shares[2]?.find((number) => first !== undefined && number > first);
  if (first !== undefined && second !== undefined) return { 1: first, 2: second };
  throw failure("ENOTSUP", "dup3", {
    message: `Cannot redirect fd ${fd}: Deno's children get a duplicate of it that cannot be ` +
      (platform() === "linux"
        ? "found, because fd 1 or 2 was closed or replaced before; use redirect() for that too"
        : "found on this system; start a child process with stdio"),
    handle: fd,
  });
}

/**
 * The descriptors above 2 that share the open file of this one, lowest first. That mark belongs to
 * the open file, is seen at once, and does nothing.
 */
function sharersOf(fd: number): number[] {
  const { fcntl } = libc();
  const before = platform() === "linux" ? fcntl(fd, F_GETSIG, 0) : -1;
  if (before === -1) return [];
  let shared = Array.from({ length: SEARCHED - 3 }, (_, at) => at + 3);
  for (const mark of MARKS) {
    fcntl(fd, F_SETSIG, mark);
    shared = shared.filter((number) => fcntl(number, F_GETSIG, 0) === mark);
  }
  fcntl(fd, F_SETSIG, before);
  return shared;
}
