/** A socket as standard input: of inetd, and of units with `StandardInput=socket`. */
import { failure } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { fcntl_getfd } from "../../ffi/posix/fcntl.ts";
import { socketType } from "../../ffi/posix/socket_name.ts";
import { type OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { platform } from "../handle/platform.ts";

const STANDARD_INPUT = 0;

/**
 * Duplicates the socket that is the standard input of this process: what `inetd`, or a socket unit whose service has
 * `StandardInput=socket`, starts a program with. It is the connection (`nowait`, `Accept=yes`), or the socket that
 * listens or receives datagrams (`wait`, `Accept=no`).
 *
 * It is a duplicate since fds 0, 1 and 2 stay with the streams of the runtime. So the other side sees the end of a
 * connection when this process shuts it down, as `end()` of a `net.Socket` does, or when it ends. What is written to
 * `console` goes to the other side, where the starter has made fds 1 and 2 the same socket: {@linkcode redirect}
 * leads them elsewhere. Do not use `process.stdin` beside it.
 *
 * @returns the socket, which the caller closes
 * @throws {HandleError} `ENOTSOCK` when standard input is no socket; `EBADF` when it is closed; `EMFILE`; `ENOTSUP` on
 * Windows
 * @see https://man7.org/linux/man-pages/man5/systemd.exec.5.html
 *
 * @example
 * ```ts
 * import { inetdSocket } from "duphandle";
 *
 * function answer() {
 *   inetdSocket().toSocket().end("hello\n");
 * }
 *
 * console.log(typeof answer);
 * ```
 */
export function inetdSocket(): OwnedHandle {
  if (isWindows()) {
    throw failure("ENOTSUP", "getsockopt", {
      message: "Cannot take standard input as a socket: Windows has no inetd; use spawn() and " +
        "inherited()",
    });
  }
  fcntl_getfd(STANDARD_INPUT); // EBADF when it is closed
  if (socketType(STANDARD_INPUT) === undefined) {
    throw failure("ENOTSOCK", "getsockopt", {
      message:
        "Cannot take standard input as a socket: it is none; have inetd start this program, or a " +
        "unit with StandardInput=socket. Sockets that systemd passes otherwise are in listenFds()",
      handle: STANDARD_INPUT,
    });
  }
  return ownedHandle(platform().duplicate(STANDARD_INPUT, false, undefined));
}
