/**
 * The splice, on Linux: our socket takes the place of a socket that the runtime made and watches. It is for
 * servers and connections that take no descriptor. It relies on the kernel's interface alone (fdinfo, dup3,
 * epoll_ctl), and not on what is inside the runtime.
 */
import { failure } from "../../ffi/error.ts";
import { isWindows, osName } from "../../ffi/host.ts";
import { O_NONBLOCK } from "../../ffi/posix/constants.ts";
import { close, fcntl_dupfd_cloexec } from "../../ffi/posix/dup.ts";
import { unwatch, watch, watchesOf } from "../../ffi/posix/epoll.ts";
import { fcntl_getfl, fcntl_setfl } from "../../ffi/posix/fcntl.ts";
import { identityOf, openDescriptors, S_IFMT, S_IFSOCK } from "../../ffi/posix/identity.ts";
import { localName, type SocketName } from "../../ffi/posix/socket_name.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { MINIMUM } from "./posix.ts";
import { replaceAll } from "./posix_streams.ts";

/** The descriptors of this process at one moment, and the inode of each. */
export type Snapshot = ReadonlyMap<number, number>;

/** Whether this system has what the splice needs. */
export function canSplice(): boolean {
  return !isWindows() && osName() === "linux";
}

/** The sockets that are open now. */
export function socketSnapshot(): Snapshot {
  const found = new Map<number, number>();
  for (const fd of openDescriptors()) {
    const { mode, inode } = identityOf(fd) ?? {};
    if (inode !== undefined && (mode! & S_IFMT) === S_IFSOCK) found.set(fd, inode);
  }
  return found;
}

/**
 * The one socket that is new since a snapshot and matches; `undefined` when there is none or more than one,
 * since other threads open sockets, too.
 *
 * @param matches whether it can be the wanted one, by its type, its addresses and so on
 */
export function newSocketSince(
  snapshot: Snapshot,
  matches: (fd: number) => boolean,
): number | undefined {
  const isNew = ([fd, inode]: readonly [number, number]) => snapshot.get(fd) !== inode;
  const found = [...socketSnapshot()].filter((each) => isNew(each) && matches(each[0]));
  return found.length === 1 ? found[0]![0] : undefined;
}

/** Where a placeholder is bound: at a port of this machine alone, or at a name that no other socket has. */
export type PlaceholderAddress =
  | { readonly hostname: string; readonly port: 0 }
  | { readonly path: string };

/**
 * The address for a placeholder of the same family. The path of a Unix socket is an abstract one, so there
 * is no file to be removed.
 */
export function placeholderAddress({ family }: SocketName): PlaceholderAddress {
  if (family === "unix") return { path: `\0duphandle-${crypto.randomUUID()}` };
  return { hostname: family === "IPv6" ? "::1" : "127.0.0.1", port: 0 };
}

/**
 * Whether a socket is bound to the address of a placeholder, at the port that the runtime reports. Without
 * that port a socket of another thread could be taken for it.
 *
 * @param reported what the runtime says of the placeholder
 */
export function isAddressed(
  fd: number,
  address: PlaceholderAddress,
  reported: { readonly port?: unknown } | null | undefined,
): boolean {
  const name = localName(fd);
  if (name === undefined || name.family === "other") return false;
  if (name.family === "unix") return "path" in address && name.path === address.path;
  return "hostname" in address && name.address === address.hostname && name.port === reported?.port;
}

/**
 * Makes the number of a placeholder refer to our socket, and has each event loop that watches the placeholder
 * watch our socket in the same way. The placeholder's own socket is closed. Ours is now open under two
 * numbers, and the first remains the caller's to close. It is non-blocking.
 *
 * @param ours a descriptor of our socket
 * @param placeholder the number of the placeholder, which must be known with certainty
 * @throws {HandleError} `ENOTSUP` on other systems than Linux, and when no event loop watches the placeholder;
 * `EMFILE`, `ENOMEM`, `ENOSPC`. Nothing has changed then
 */
export function spliceOver(ours: number, placeholder: number): void {
  const watches = watchesOf(placeholder);
  if (watches.length === 0 && !registersLater()) throw unwatched(placeholder);
  const flags = fcntl_getfl(ours);
  // The placeholder stays open under this number, and so registered, until all has succeeded.
  const saved = fcntl_dupfd_cloexec(placeholder, MINIMUM);
  try {
    // A blocking listener would stop the event loop.
    if ((flags & O_NONBLOCK) === 0) fcntl_setfl(ours, flags | O_NONBLOCK);
    try {
      replaceAll(ours, placeholder, [], false);
      try {
        for (const each of watches) watch(placeholder, each);
      } catch (error) {
        // Before the number is the placeholder's again: the kernel knows a registration by both.
        for (const { epoll } of watches) tryOrUndefined(() => unwatch(placeholder, epoll));
        replaceAll(saved, placeholder, [], false);
        throw error;
      }
    } catch (error) {
      if ((flags & O_NONBLOCK) === 0) tryOrUndefined(() => fcntl_setfl(ours, flags));
      throw error;
    }
  } finally {
    tryOrUndefined(() => close(saved));
  }
}

/** Whether the event loop of this runtime registers a descriptor by its number, later. */
function registersLater(): boolean {
  return !("Deno" in globalThis) && !("Bun" in globalThis);
}

function unwatched(handle: number): Error {
  return failure("ENOTSUP", "epoll_ctl", {
    message:
      `Cannot put a socket in the place of fd ${handle}: no event loop that is known watches ` +
      "it; see whether this version of the runtime waits in another way than by epoll",
    handle,
  });
}
