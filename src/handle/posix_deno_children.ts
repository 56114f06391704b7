/**
 * Deno's own duplicates of fds 1 and 2: a child with `"inherit"` gets one of those. Deno makes them
 * before it runs any program, that of fd 1 first, and does not expose their numbers.
 */
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { F_GETFD, FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { libc } from "../../ffi/posix/libc.ts";
import { sharersBySignal } from "../../ffi/posix/signal_mark.ts";
import { shared } from "../util/shared.ts";

/** The search ends at 256: Deno's duplicates are among the first descriptors of the process. */
const FIRST = 3;
const END = 256;

/** What was found, by whichever copy of this library. */
interface Search {
  found?: { readonly 1: number; readonly 2: number };
}

const search = (): Search => shared("denoDescriptors", 1, () => ({}));

/**
 * The descriptor that children get for this one.
 *
 * @throws {HandleError} `ENOTSUP` when no descriptor shares its open file, because it was replaced
 * before in a way that children do not see
 */
export function descriptorForChildren(fd: 1 | 2): number {
  findDescriptorsForChildren();
  const { found } = search();
  if (found !== undefined) return found[fd];
  throw failure("ENOTSUP", "dup3", {
    message:
      `Cannot make fd ${fd} refer to another file: Deno's children get a duplicate of it that ` +
      "cannot be " +
      (osName() === "linux"
        ? "found, because fd 1 or 2 was closed or replaced before; use redirect() or " +
          "duplicateOnto() for that too"
        : "found on this system; start a child process with stdio"),
    handle: fd,
  });
}

/**
 * Finds the duplicates, unless they are known. Inherited descriptors of the same files are told apart by
 * being inheritable, so this must run before their inheritance is ended.
 */
export function findDescriptorsForChildren(): void {
  const state = search();
  if (state.found !== undefined) return;
  const [first] = duplicatesOf(1);
  const second = duplicatesOf(2).find((number) => first !== undefined && number > first);
  if (first !== undefined && second !== undefined) state.found = { 1: first, 2: second };
}

/** The descriptors of the same open file that no other program has passed to this one. */
function duplicatesOf(fd: number): number[] {
  const { fcntl } = libc();
  return sharersBySignal(fd, FIRST, END).filter((number) =>
    fcntl(number, F_GETFD, 0) === FD_CLOEXEC
  );
}
