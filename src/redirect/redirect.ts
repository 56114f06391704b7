/** Making a descriptor lead elsewhere for a while, and putting it back. */
import { checkFd } from "../../ffi/check.ts";
import { failure, type HandleError } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { isHandle } from "../handle/handle.ts";
import { redirectPosix } from "./posix.ts";
import { fdOf, type HandleSource, rawOf } from "../handle/source.ts";

/**
 * Makes a descriptor lead to what the source refers to, until `restore()` is called or the block
 * of a `using` ends, also by an exception. For fd 1 that is everything that this process prints:
 * `console.log`, `process.stdout`, `Deno.stdout`, `Bun.stdout`, `fs.writeSync(1, …)`, native code
 * and child processes, for which fds 0 to 2 stay inheritable.
 *
 * What was printed before goes where it was meant to, and so does what is printed in between: the
 * buffers of the runtime and of the C library are flushed at both ends. The source is duplicated,
 * so it may be closed at once; the descriptor itself must stay open.
 *
 * Redirections of one descriptor are a stack, and may be restored in any order: the descriptor
 * shows the newest one that was not restored, and what it showed at first when all are. A second
 * `restore()` does nothing.
 *
 * The descriptor changes in one step, so other threads that write to it lose nothing. What is
 * under way when it happens is not held back: await an asynchronous write of your own, such
 * as `Bun.write(Bun.stdout, …)`, before it and before `restore()`. A writer that has a descriptor of
 * its own, such as a `Bun.stdout.writer()` from before, keeps it. For fd 0 the synchronous reads and
 * children follow; `process.stdin` reads ahead, so use it before or after.
 *
 * In Node, with standard output on a pipe or a terminal, `process.stdout` writes synchronously from
 * the first redirection on, so that nothing waits in its queue; in Deno on a terminal too. Before
 * that something may still wait there: `EAGAIN` says how to await it.
 *
 * On Windows it is `ENOTSUP`: there the runtimes keep the `HANDLE` that they started with, and no
 * call can put another object behind it. Start a child with `stdio`, or replace `console.log`.
 *
 * @param fd the descriptor to redirect, which is open
 * @param to what it leads to meanwhile
 * @returns what puts it back
 * @throws {HandleError} `EBADF` when the descriptor or the source is not open; `EMFILE`; `EAGAIN`
 * when a slow reader has not yet taken what was printed before; `ENOTSUP` on Windows, for fds 0 to
 * 2 in a worker, and for fd 0 while Node is reading `process.stdin`
 * @throws {TypeError} when an argument is not of its kind
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 *
 * @example
 * ```ts
 * import { redirect } from "duphandle";
 * import { closeSync, openSync, rmSync } from "node:fs";
 *
 * const log = openSync("printed.txt", "w");
 * {
 *   using _ = redirect(1, log);
 *   console.log("into the file");
 * }
 * console.log("where it went before");
 * closeSync(log);
 * rmSync("printed.txt");
 * ```
 */
export function redirect(fd: number, to: HandleSource): Disposable & { restore(): void } {
  checkFd(fd);
  if (isWindows()) throw keptByRuntime(fd, to);
  const restore = redirectPosix(fd, rawOf(to));
  return { restore, [Symbol.dispose]: restore };
}

/**
 * Measured under Wine. libuv, in Node and Bun, does not close fds 0 to 2, so their slots never
 * become free for another HANDLE; Deno keeps HANDLEs in its own objects. SetStdHandle reaches native
 * code alone: neither console.log nor fs.writeSync nor children follow. The slot of a higher
 * descriptor is free for a moment when it is exchanged, and another thread may take it.
 */
function keptByRuntime(fd: number, to: HandleSource): HandleError {
  if (isHandle(to)) void to.raw;
  else fdOf(to); // what is no source at all is told first
  return failure("ENOTSUP", "dup3", {
    message: `Cannot redirect fd ${fd}: on Windows the runtime keeps the HANDLE that it has, and ` +
      "only a part of what is written would follow; start a child process with stdio, or replace " +
      "console.log and process.stdout.write",
    handle: fd,
  });
}
