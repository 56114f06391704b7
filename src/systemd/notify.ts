/** Tells the service manager about this process, and stores handles with it: sd_notify(3). */
import { show } from "../../ffi/check.ts";
import { failure, HandleError } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { monotonicMicroseconds } from "../../ffi/posix/clock.ts";
import { socket as openSocket } from "../../ffi/posix/connection.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_RIGHTS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "../../ffi/posix/constants.ts";
import { close } from "../../ffi/posix/dup.ts";
import { fcntl_getfd } from "../../ffi/posix/fcntl.ts";
import { sendmsg } from "../../ffi/posix/message.ts";
import { encodeSocketPath } from "../../ffi/posix/socket_address.ts";
import { type HandleSource, namedSources, rawsOf } from "../handle/source.ts";
import { readVariable } from "../util/environment.ts";
import { consume } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { type NotifyMessage, notifyMessages } from "./notify_messages.ts";

/** Where the service manager receives: a path, or the name of an abstract socket after an at sign. */
const SOCKET = "NOTIFY_SOCKET";

/**
 * Tells the service manager the state of this process, and has it keep handles for the next process of the
 * service. Without a manager that wants to know, so without `NOTIFY_SOCKET`, it does nothing.
 *
 * The state has a line for each of what sd_notify(3) lists:
 *
 * - `READY=1` when the service serves, after its start (`Type=notify`) and after a reload;
 * - `RELOADING=1` when it reads its configuration anew (`Type=notify-reload`); `MONOTONIC_USEC=` is added;
 * - `STOPPING=1` when it begins to end;
 * - `STATUS=…`, a line that `systemctl status` shows;
 * - `WATCHDOG=1`, as often as {@linkcode watchdogInterval} says;
 * - `MAINPID=…`, when another process is the service from now on;
 * - `FDSTORE=1` with handles: the manager keeps a duplicate of each under its name, also while the service is
 *   restarted or has crashed, and the next process gets it from {@linkcode listenFds}. `FDPOLL=0` keeps also those
 *   whose other end was closed. The unit needs `FileDescriptorStoreMax=`;
 * - `FDSTOREREMOVE=1` with `FDNAME=…`: it closes those of this name.
 *
 * The manager listens to the main process of the service only, unless the unit has `NotifyAccess=all`. It does not
 * answer: what it does not accept, it ignores. The handles stay open here.
 *
 * Each handle is a message of its own, and the rest of the state is another one after them. It never waits: when the
 * queue of the manager is full, it is `EAGAIN`, and the message says what was sent by then.
 *
 * Deno needs `--allow-ffi` and `--allow-env=NOTIFY_SOCKET`.
 *
 * @param state the lines, such as `"READY=1\nSTATUS=serves"`; `""` when there are handles, for which `FDSTORE=1` is
 * understood
 * @param handles the handles that the manager is to keep, by name: 1 to 255 printable characters of ASCII without a
 * colon. An open file that it has already is not kept twice
 * @returns `true` when it was sent, `false` when there is no service manager
 * @throws {HandleError} `EAGAIN` when the queue of the manager is full; `ENOENT` or `ECONNREFUSED` when it is not
 * there; `EBADF` when a handle is closed, and nothing was sent; `ETOOMANYREFS`, `EACCES`, `EMFILE`; `EINVAL` when
 * `NOTIFY_SOCKET` is malformed; `ENOTSUP` when it is an address of `vsock`, and outside Linux
 * @throws {TypeError} when the state or a name is not one, or is too long: 4096 bytes at most
 * @see https://man7.org/linux/man-pages/man3/sd_notify.3.html
 * @see https://man7.org/linux/man-pages/man3/sd_pid_notify_with_fds.3.html
 *
 * @example
 * ```ts
 * import { notify } from "duphandle";
 * import { createServer } from "node:net";
 *
 * const server = createServer().listen(0, "127.0.0.1", () => {
 *   notify("READY=1\nSTATUS=serves", { listener: server }); // false without a manager
 *   server.close();
 * });
 * ```
 */
export function notify(
  state: string,
  handles?: Readonly<Record<string, HandleSource>>,
): boolean {
  const named = namedSources(handles);
  const value = readVariable(SOCKET) ?? "";
  if (value !== "" && osName() !== "linux") throw onlyOnLinux();
  const now = value === "" ? () => 0 : monotonicMicroseconds;
  const messages = notifyMessages(state, named.map(([name]) => name), now);
  if (value === "") return false;
  const path = pathOf(value);
  const raws = rawsOf(named.map(([, source]) => source));
  raws.forEach(fcntl_getfd); // EBADF before anything is sent
  sendAll(value, path, messages, raws);
  return true;
}

/**
 * Sends each message with its handle, if it has one: the handles come first.
 *
 * @param value the value of the variable
 * @param path the path that it stands for
 */
function sendAll(
  value: string,
  path: string,
  messages: readonly NotifyMessage[],
  raws: readonly RawHandle[],
): void {
  const name = { family: "unix", path } as const;
  const socket = openSocket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  consume({ close: () => close(socket) }, () => {
    for (const [at, { data }] of messages.entries()) {
      const raw = raws[at];
      const control = raw === undefined
        ? []
        : [{ level: SOL_SOCKET, type: SCM_RIGHTS, fds: [raw] }];
      try {
        sendmsg(socket, { name, iov: [data], control }, MSG_DONTWAIT | MSG_NOSIGNAL);
      } catch (error) {
        throw sendError(error, value, messages.slice(0, at));
      }
    }
  });
}

/**
 * The error of a message.
 *
 * @param sent the messages before it, which are all of handles
 */
function sendError(cause: unknown, value: string, sent: readonly NotifyMessage[]): unknown {
  if (!(cause instanceof HandleError)) return cause;
  const state = cause.code === "EAGAIN"
    ? "the queue of the service manager is full (EAGAIN); call again in a moment"
    : cause.message;
  const names = sent.map(({ name }) => show(name)).join(", ");
  const before = names === "" ? "" : `. These handles were sent before: ${names}`;
  const { code, status, native, syscall } = cause;
  const fields = { code, status, native, syscall, cause };
  return new HandleError(`Cannot notify ${value}: ${state}${before}`, fields);
}

/** The path of the manager's socket, or its abstract name, which starts with NUL. */
function pathOf(value: string): string {
  if (value.startsWith("vsock")) {
    throw failure("ENOTSUP", "sendmsg", {
      message:
        `Cannot notify ${value}: only Unix sockets can be notified; run systemd-notify for it`,
    });
  }
  if (!/^(?:\/|@.)/s.test(value)) {
    throw malformed(value, 'it must be an absolute path, or a name after "@"', undefined);
  }
  const path = value.replace(/^@/, "\0");
  try {
    encodeSocketPath(path);
    return path;
  } catch (cause) {
    throw malformed(value, (cause as TypeError).message, cause);
  }
}

function malformed(value: string, why: string, cause: unknown): HandleError {
  return failure("EINVAL", "sendmsg", {
    message: `Cannot notify: ${SOCKET} is ${
      show(value)
    }: ${why}; have the manager set it, or remove it`,
    cause,
  });
}

function onlyOnLinux(): HandleError {
  return failure("ENOTSUP", "sendmsg", {
    message:
      `Cannot notify by ${SOCKET}: only Linux has this protocol; HandleChannel carries messages and ` +
      "handles to another process here",
  });
}
