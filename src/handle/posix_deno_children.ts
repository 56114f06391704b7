/**
 * Deno's own duplicates of fds 1 and 2: a child with `"inherit"` gets one of those. Deno makes them
 * before it runs any program, that of fd 1 first, and does not expose their numbers.
 */
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { F_GETFD, FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { libc } from "../../ffi/posix/libc.ts";
import { shared } from "../util/shared.ts";

/** fcntl.h of Linux. */
const F_SETSIG = 10;
const F_GETSIG = 11;

/**
 * Two real-time signals. A descriptor shares the open file when both appear at it one after the other.
 */
const MARKS = [61, 62];

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

/**
 * The descriptors that share the open file of one, lowest first, found by marking the open file with F_SETSIG of
 * fcntl(2). The signal number belongs to the open file, so every duplicate shows it at once. It has no effect,
 * because the kernel sends the signal only when O_ASYNC is set. On systems without F_SETSIG there are none. Each
 * number in the range is tried; numbers that are not open are skipped.
 *
 * @param fd the descriptor whose open file is marked during the call
 * @param from the lowest number to try
 * @param below one more than the highest number to try
 */
function sharersBySignal(fd: number, from: number, below: number): number[] {
  const { fcntl } = libc();
  const before = osName() === "linux" ? fcntl(fd, F_GETSIG, 0) : -1;
  if (before === -1) return [];
  let shared = Array.from({ length: below - from }, (_, at) => at + from);
  for (const mark of MARKS) {
    fcntl(fd, F_SETSIG, mark);
    shared = shared.filter((number) => fcntl(number, F_GETSIG, 0) === mark);
  }
  fcntl(fd, F_SETSIG, before);
  return shared;
}
