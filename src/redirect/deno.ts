/**
 * Deno's own duplicates of fds 1 and 2: a child with `"inherit"` gets one of those. Deno makes them
 * before it runs any program, first that of fd 1, and tells nobody their numbers.
 */
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { sharersBySignal } from "../../ffi/posix/signal_mark.ts";

/** Deno's duplicates are above the standard descriptors, and among the first of the process. */
const FIRST = 3;
const END = 256;

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
  const shares: Record<number, number[]> = {
    1: sharersBySignal(1, FIRST, END),
    2: sharersBySignal(2, FIRST, END),
  };
  const first = shares[1]?.[0];
  const second = shares[2]?.find((number) => first !== undefined && number > first);
  if (first !== undefined && second !== undefined) return { 1: first, 2: second };
  throw failure("ENOTSUP", "dup3", {
    message: `Cannot redirect fd ${fd}: Deno's children get a duplicate of it that cannot be ` +
      (osName() === "linux"
        ? "found, because fd 1 or 2 was closed or replaced before; use redirect() for that too"
        : "found on this system; start a child process with stdio"),
    handle: fd,
  });
}
