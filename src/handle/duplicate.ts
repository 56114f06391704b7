/** Duplicating one handle: to a new number, or onto a given one. */
import { checkFd, isFd } from "../../ffi/check.ts";
import { duplicateKnown } from "./raw.ts";
import { Handle, isHandle, type OwnedHandle, ownedHandle } from "./handle.ts";
import {
  type DuplicateOntoOptions,
  type DuplicateOptions,
  parseDuplicateOptions,
  parseOntoOptions,
} from "./options.ts";
import { platform, standardReplacer } from "./platform.ts";
import { fdOf, LAST_STANDARD_FD, rawBehind } from "./runtime_source.ts";
import { type HandleSource, knownSource, rawOf } from "./source.ts";

/**
 * Makes a second, independent handle to the same kernel object.
 *
 * Both handles share the file position, the status flags and the locks of `flock`; each has its own setting of
 * whether children inherit it. Closing either leaves the other valid, and the object lives until its
 * last handle closes. So where two pieces of code both close "their" handle, each gets one.
 *
 * On Linux it is one `fcntl(F_DUPFD_CLOEXEC)`, on Windows one `DuplicateHandle`: nothing is ever
 * inheritable in between.
 *
 * A number is a descriptor of the runtime, as `node:fs` returns it, on Windows too. For the number of a
 * raw handle (a `HANDLE` on Windows) use {@linkcode borrow}, which makes a source of it.
 *
 * A server, a socket or a stream of the runtime is a source as well ({@linkcode NetworkSource}), on POSIX. Both
 * owners of a connection receive what comes first to each, so in most cases the source is given away, with
 * `closeSource`: that closes it for the runtime, and never ends the connection, also not that of a `Deno.Conn`,
 * whose own `close()` would. It is `ENOTSUP`, and nothing was done, when something would be lost:
 *
 * - bytes that the runtime has read and nobody has taken. It reads ahead from a connection: the option
 *   `pauseOnConnect` of `net.createServer` keeps it from that. The `head` of an `"upgrade"` is not seen here:
 *   pass it along.
 * - bytes that are not yet sent: await the callback of `write()`.
 * - a request: `node:http` reads from its socket until the event `"upgrade"` or `"connect"`.
 * - the path that a server has bound, which its close would remove.
 *
 * A connection with TLS is `ENOTSUP`: its keys are in the runtime. Its listening server is a source. Where the
 * runtime does not tell the descriptor, it is searched for by the addresses of the socket, on Linux: in Deno for all
 * but the Unix sockets of `node:net`, in Bun for `Bun.serve` and `node:http`. Sockets that cannot be told apart by
 * their addresses, such as the connections that one Unix listener of Deno has accepted, are `ENOTSUP`, and so are
 * those that `node:http` of Bun accepts on a Unix socket, which have none.
 *
 * @param source a descriptor of the runtime, an object with an `fd`, a {@linkcode Handle}, or a server, a socket or
 * a stream
 * @param options how the new handle is to differ from a plain duplicate
 * @returns the new handle, which the caller closes
 * @throws {HandleError} `EBADF` when the source is not open, does not listen or is not connected; `EMFILE` at the
 * descriptor limit; `EACCES` when more access is wanted than the source has; `ENOTSUP` when the system cannot do
 * it, and for a server or socket on Windows
 * @throws {TypeError} when the source or an option is not of its kind
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle";
 * import { closeSync, openSync } from "node:fs";
 *
 * const file = openSync("README.md", "r");
 * const copy = duplicate(file);
 * closeSync(file); // the copy goes on
 * copy.close();
 * ```
 *
 * @example
 * A connection is given to another owner (not on Windows, where a runtime does not tell its SOCKET):
 *
 * ```ts
 * import { duplicate } from "duphandle";
 * import { connect, createServer } from "node:net";
 *
 * const server = createServer({ pauseOnConnect: true }, (socket) => {
 *   server.close();
 *   if (process.platform === "win32") return socket.destroy();
 *   using handle = duplicate(socket, { closeSource: true });
 *   console.log(socket.destroyed, handle.raw > 2); // true true
 * });
 * server.listen(0, () => connect((server.address() as { port: number }).port).resume());
 * ```
 */
export function duplicate(source: HandleSource, options?: DuplicateOptions): OwnedHandle {
  const isKnown = isHandle(source);
  if (isKnown && source instanceof Handle) return source.duplicate(options);
  // A handle of another copy of this library would make one of that copy.
  if (options === undefined && !isKnown) {
    const raw = rawBehind(source, fdOf(source));
    return ownedHandle(platform().duplicate(raw, false, undefined));
  }
  const choices = parseDuplicateOptions(options ?? {});
  return ownedHandle(duplicateKnown(knownSource(source, choices.closeSource), choices));
}

/**
 * Makes a descriptor refer to the kernel object of the source, in one step: there is no moment at
 * which the target is closed. What the target referred to before loses that handle.
 *
 * The owner of the target stays its owner. On macOS, which has no `dup3`, the inheritance of the target is set in a
 * second step.
 *
 * On Windows the descriptor gets another `HANDLE` in one step, in Node and Bun; in Deno it is `ENOTSUP`. The target must be
 * open, and refer to no pipe unless it is 0, 1 or 2. Calls of other threads that are using it must have ended: its `HANDLE`
 * is closed. For fds 1 and 2 it is `ENOTSUP` in Bun, and the handle that the process started with stays open.
 *
 * For fds 1 and 2 it is {@linkcode redirect} without a way back: `console.log`, `process.stdout`,
 * `Deno.stdout`, `Bun.stdout`, native code and children follow, and what was printed before goes where it
 * was meant to go. Where not all of them can follow, it throws and nothing has changed. Children to which
 * the runtime gives fds 1 and 2 by `stdio: "inherit"` get them in any case; what native code starts, and
 * for fd 0 a child in Deno, gets them only with `inheritable: true`. `dup3` of `duphandle/posix` is the
 * system call alone.
 *
 * Do not replace what an event loop watches, such as the descriptor of a server or of a socket. It watches the
 * object that it was given, not the number, and this call cannot see it: the runtime writes to the new object, and
 * never learns what a new connection receives, without an error, in Node, Deno and Bun. When another descriptor keeps the old
 * object open, the old one's events are taken for the new one's: a read from a new object that is blocking then
 * stops the loop. Use {@linkcode OwnedHandle.toSocket}, {@linkcode OwnedHandle.toServer} or `serveOn`, which tell
 * the loop.
 *
 * The target is closed in that step, as by `close`: that drops the record locks that this process has on
 * the file that it referred to before
 * ([record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks)).
 *
 * @param source the handle of the object that the target is to refer to, as {@linkcode duplicate} takes it
 * @param target the descriptor to replace; on POSIX it need not be open, unless it is 1 or 2
 * @param options whether children inherit the target
 * @throws {HandleError} `EBADF` when the source is not open or the target is beyond the limit;
 * `EINVAL` when they are equal; `EBUSY` when another thread was just opening or closing the target; `ENOTSUP` on
 * Windows as said above, and for fds 0 to 2 as {@linkcode redirect}: in a worker, and for fd 0 once Node has begun to read
 * `process.stdin` of a pipe; `EAGAIN` for fds 1 and 2 when a slow reader has not yet taken what was printed before
 * @throws {TypeError} when an argument is not of its kind
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 *
 * @example
 * ```ts
 * import { duplicateOnto } from "duphandle";
 * import { closeSync, openSync } from "node:fs";
 *
 * const log = openSync("README.md", "r");
 * const next = openSync("LICENSE", "r");
 * duplicateOnto(next, log); // all code that uses `log` uses the other file now
 * closeSync(next);
 * closeSync(log);
 * ```
 */
export function duplicateOnto(
  source: HandleSource,
  target: number,
  options?: DuplicateOntoOptions,
): void {
  checkFd(target, "target");
  const inheritable = parseOntoOptions(options);
  const system = platform();
  // The plain case first: in Node, checking whether a number is a Handle takes a part of the time.
  const raw = isFd(source) ? system.rawOfFd(source) : rawOf(source);
  if (target > LAST_STANDARD_FD || raw === target) system.duplicateOnto(raw, target, inheritable);
  else standardReplacer()(raw, target, inheritable);
}
