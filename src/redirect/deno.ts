/**
 * Deno's own duplicates of fds 1 and 2: a child with `"inherit"` gets one of those. Deno makes them
 * before it runs any program, that of fd 1 first, and does not expose their numbers.
 */
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { sharersBySignal } from "../../ffi/posix/signal_mark.ts";
import { shared } from "../util/shared.ts";

/** The search ends at 256: Deno's duplicates are among the first descriptors of the process. */
const FIRST = 3;
const END = 256;

/**
 * The descriptor that children get for this one.
 *
 * @throws {HandleError} `ENOTSUP` when no descriptor shares its open file, because it was replaced
 * before in a way that children do not see
 */
export function descriptorForChildren(fd: 1 | 2): number {
  // Found while neither is redirected, and by one copy of this library for all.
  return shared("denoDescriptors", 1, () => find(fd))[fd];
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
