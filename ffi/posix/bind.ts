/** Sockets that listen: socket(2), bind(2), listen(2) in one. */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  FD_CLOEXEC,
  O_NONBLOCK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "./constants.ts";
import { bind, listen, socket } from "./connection.ts";
import { fcntl_getfl, fcntl_setfd, fcntl_setfl } from "./fcntl.ts";
import { libc } from "./libc.ts";
import type { KnownSocketName } from "./socket_address.ts";
import type { SocketFamily } from "./socket_name.ts";

/** How many connections wait at most, as the runtimes have it. */
export const BACKLOG = 511;

const domains = { unix: AF_UNIX, IPv4: AF_INET, IPv6: AF_INET6 } as const;

/** What is done between the calls. What one of these throws closes the socket. */
export interface ListenSteps {
  /** Before the socket is bound: sets its options. */
  beforeBind?(fd: number): void;
  /** Before it listens. */
  beforeListen?(fd: number): void;
  /** When it was bound, and does not listen: removes the path. */
  undoBind?(): void;
}

/**
 * Makes a stream socket that listens at an address. It is non-blocking and not inheritable.
 *
 * @throws {HandleError} `EMFILE`, `EADDRINUSE`; `EADDRNOTAVAIL` and `EAFNOSUPPORT` without IPv6
 */
export function openListener(
  name: KnownSocketName,
  backlog: number,
  steps: ListenSteps = {},
): number {
  const fd = openStream(name.family);
  let isBound = false;
  try {
    steps.beforeBind?.(fd);
    bind(fd, name);
    isBound = true;
    steps.beforeListen?.(fd);
    listen(fd, backlog);
    return fd;
  } catch (error) {
    try {
      if (isBound) steps.undoBind?.();
    } finally {
      libc().close(fd); // the first error says more
    }
    throw error;
  }
}

/** Makes a stream socket. It is non-blocking and not inheritable. */
export function openStream(family: Exclude<SocketFamily, "other">): number {
  const fd = socket(domains[family], SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (SOCK_CLOEXEC !== 0) return fd;
  try {
    // macOS has no flags for it, so a child that starts in between may inherit it.
    fcntl_setfd(fd, FD_CLOEXEC);
    fcntl_setfl(fd, fcntl_getfl(fd) | O_NONBLOCK);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
  return fd;
}

/**
 * Makes a socket that listens for connections from this machine: at a free port of 127.0.0.1 or ::1, or at a
 * path. It is non-blocking and not inheritable.
 *
 * @param path for the family `unix`; it starts with NUL for an abstract socket
 * @throws {HandleError} as {@linkcode openListener}
 */
export function listenLocally(family: Exclude<SocketFamily, "other">, path: string = ""): number {
  if (family === "unix") return openListener({ family, path }, BACKLOG);
  const address = family === "IPv4" ? "127.0.0.1" : "::1";
  return openListener({ family, address, port: 0 }, BACKLOG);
}
