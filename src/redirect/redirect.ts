/** Redirecting a descriptor to another file, and restoring it. */
import { checkFd } from "../../ffi/check.ts";
import { HandleError } from "../../ffi/error.ts";
import { type HandleSource, rawOf } from "../handle/source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { redirectPlatform } from "./platform.ts";
import { redirectFd } from "./stack.ts";

/**
 * Makes a descriptor refer to the object of the source, until `restore()` is called or the block of
 * a `using` ends, also by an exception. For fd 1 this redirects everything that this process
 * prints: `console.log`, `process.stdout`, `Deno.stdout`, `Bun.stdout`, `fs.writeSync(1, …)`,
 * native code and child processes, for which fds 0 to 2 stay inheritable; in Deno not the children that a
 * worker starts, which has had duplicates of its own since it started.
 *
 * Output from before the call still goes to the original file, and output from before `restore()`
 * to the source: the buffers of the runtime and of the C library are flushed by both. The source is
 * duplicated, so it may be closed at once; the descriptor itself must stay open.
 *
 * Redirections of one descriptor are a stack, and may be restored in any order: the descriptor
 * refers to the newest source that was not restored, and to its original file when all were. A
 * second `restore()` does nothing, unless the first one threw because the descriptor could not be
 * changed: then everything is as before, and it tries again.
 *
 * The descriptor changes in one step, so other threads that write to it lose nothing. A write that
 * is in progress at that moment may go to either file: await asynchronous writes, such as
 * `Bun.write(Bun.stdout, …)`, before the call and before `restore()`. A writer with a descriptor of
 * its own, such as a `Bun.stdout.writer()` that was made before, is not redirected. For fd 0
 * synchronous reads and children are redirected; `process.stdin` reads ahead, so use it before or
 * after.
 *
 * In Node, with standard output on a pipe or a terminal, `process.stdout` writes synchronously from
 * the first redirection on, so that nothing is left in its queue; in Deno on a terminal too. Output
 * from before may still be in the queue: the message of `EAGAIN` says how to await it.
 *
 * On POSIX `redirect` closes what the descriptor referred to, and `restore()` the duplicate of the source:
 * each ends the record locks that this process has on that file:
 * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
 *
 * On Windows it works in Node, and in Bun for all but fds 1 and 2. There, await the writes of other threads as well
 * before `restore()`, and load native libraries before: what has a C runtime of its own keeps the standard handles that it
 * found. It is `ENOTSUP` for fds 1 and 2 in Bun, whose `console.log` has a `HANDLE` of its own, and in Deno, which gives
 * children one of its own: start a child with `stdio`, or replace `console.log`.
 *
 * @param fd the descriptor to redirect, which is open
 * @param to the source that it refers to until it is restored
 * @returns an object that restores the descriptor
 * @throws {HandleError} `EBADF` when the descriptor or the source is not open; `EMFILE`; `EAGAIN`
 * when a slow reader has not yet taken what was printed before; `ENOTSUP` in Deno and Bun for Windows
 * as said above, for fds 0 to 2 in a worker, and for fd 0 once Node has begun to read `process.stdin` of a pipe
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
 * console.log("to the original output");
 * closeSync(log);
 * rmSync("printed.txt");
 * ```
 */
export function redirect(fd: number, to: HandleSource): Disposable & { restore(): void } {
  checkFd(fd);
  const restore = redirectFd(fd, rawFor(fd, to));
  return { restore, [Symbol.dispose]: restore };
}

/** The raw handle of the source. When it has none, a descriptor that cannot be redirected is the better reason. */
function rawFor(fd: number, to: HandleSource): RawHandle {
  try {
    return rawOf(to);
  } catch (error) {
    if (error instanceof HandleError) redirectPlatform().check(fd);
    throw error;
  }
}
