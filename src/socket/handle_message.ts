/** Messages with handles: what they have, and the options and arguments of those who send and receive them. */
import { checkInteger } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { isHandle, type OwnedHandle } from "../handle/handle.ts";
import { isNetworkSource } from "../handle/network_source.ts";
import { checkKeys, checkSignal } from "../handle/options.ts";
import type { HandleSource } from "../handle/source.ts";

/** How long {@linkcode sendHandles} waits. */
export interface SendHandlesOptions {
  /** Ends the wait for a socket that is full: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@linkcode receiveHandles} receives, and how long it waits. */
export interface ReceiveHandlesOptions {
  /**
   * The most bytes of a message, up to 16 MiB; of a stream at most 64 KiB come at once, whatever it is. A larger
   * message is `EMSGSIZE` and stays in the socket. Default 65,536.
   */
  readonly maxBytes?: number | undefined;
  /** Ends the wait for a message: the promise is rejected with the signal's reason, and nothing was received. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What {@linkcode receiveHandles} received. The receiver closes the handles; with `using`, those that are still
 * open are closed at the end of the block. A socket that its sender has set to wait as it is closed (`SO_LINGER`)
 * does not wait then; `close()` of the handle does, and blocks the thread.
 */
export interface ReceivedHandles extends Disposable {
  /** The bytes. */
  readonly data: Uint8Array;
  /** The handles, in the order in which they were sent. They are not inheritable. */
  readonly handles: OwnedHandle[];
  /**
   * The pid of the sender by the kernel: of a datagram the process that has sent it, of a stream or a sequence of
   * packets the one that has connected or listened, or has made the pair. `undefined` when the kernel does not
   * know it, or it is of another pid namespace.
   */
  readonly pid: number | undefined;
  /** The user of that process, when it did so. */
  readonly uid: number | undefined;
  /** The group of that process, when it did so. */
  readonly gid: number | undefined;
}

const DEFAULT_BYTES = 65_536;
const MAX_BYTES = 1 << 24;

/** The options after a check. */
export interface MessageChoices {
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** Checks the options, and reads each once. */
export function parseMessageOptions(
  options: ReceiveHandlesOptions | undefined,
  known: readonly string[],
): MessageChoices {
  if (options !== undefined) checkKeys(options, known);
  const { maxBytes = DEFAULT_BYTES, signal } = options ?? {};
  checkInteger(maxBytes, "maxBytes", 1, MAX_BYTES);
  checkSignal(signal);
  return { maxBytes, signal };
}

/** Throws `ENOTSUP` where handles cannot be sent by a socket of the program's own. */
export function requireMessages(syscall: "sendmsg" | "recvmsg"): void {
  if (osName() === "linux") return;
  throw failure("ENOTSUP", syscall, {
    message:
      `Cannot ${
        syscall === "sendmsg" ? "send" : "receive"
      } handles by a socket of this system: only ` +
      "Linux does; use HandleChannel on Windows, and handles of spawn() on macOS",
  });
}

/** Throws `ENOTSUP` for a socket of the runtime, which reads and writes it itself. */
export function refuseRuntimeSocket(socket: HandleSource, syscall: "sendmsg" | "recvmsg"): void {
  if (typeof socket !== "object" || isHandle(socket) || !isNetworkSource(socket)) return;
  throw failure("ENOTSUP", syscall, {
    message:
      "Cannot send or receive handles by a socket of the runtime, which reads and writes it at any " +
      "moment, and loses handles; take it out of the runtime: duplicate(socket, { closeSource: true })",
  });
}

/** Throws `EBADF` when the owner of a socket was closed while something waited for the socket. */
export function requireStillOpen(socket: HandleSource, syscall: "sendmsg" | "recvmsg"): void {
  if (!isHandle(socket) || !socket.closed) return;
  throw failure("EBADF", syscall, {
    message:
      `Cannot ${syscall}: the handle of the socket was closed or released meanwhile; wait for the ` +
      "promise before, or end it by a signal",
    handle: -1,
  });
}
