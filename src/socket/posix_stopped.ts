/** Servers that accept no more, on Linux: the event loop of each does not watch its listening socket. */
import { failure, type HandleError } from "../../ffi/error.ts";
import { type Connection, connectionsTo } from "../../ffi/posix/connections.ts";
import {
  unwatch,
  type Watch,
  watch,
  type WatchedDescriptor,
  watchedDescriptors,
  watchesOf,
} from "../../ffi/posix/epoll.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import { isListening, localName, type SocketName } from "../../ffi/posix/socket_name.ts";
import { replacedListener } from "../handle/network_source.ts";
import { fdOf, type RuntimeOwned } from "../handle/runtime_source.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { shared } from "../util/shared.ts";

/** A server that accepts no more. */
export interface Stopped {
  /** The descriptor of its listening socket, as long as that has the inode. */
  readonly fd: number;
  readonly inode: number;
  /** The address of its listening socket. */
  readonly name: SocketName;
  /** The epoll instances of its event loop; empty while they are not known. */
  readonly epolls: Set<number>;
  /** Whether another server of the event loop accepted from the same socket when this one was stopped. */
  readonly isShared: boolean;
  /** The connections that it had when it was stopped. */
  readonly first: readonly Connection[];
  /** The inodes of its connections. */
  readonly known: Set<number>;
  /**
   * Fulfilled once the event loop is done with the events that it had by then, and so has accepted the last
   * connection.
   */
  readonly settled: Promise<void>;
}

const stopped = (): WeakMap<object, Stopped> => shared("stoppedServers", 1, () => new WeakMap());

/** How often the event loop may turn until it watches a new listening socket. */
const MAX_TURNS = 10;

/**
 * The descriptor of the listening socket of a server.
 *
 * @throws {HandleError} `EBADF` when it does not listen, `ENOTSUP` when its descriptor cannot be told
 * @throws {TypeError} when it is no server
 */
export function listenerOf(server: object): number {
  const earlier = stopped().get(server);
  // No event loop watches it, so a search would take the server for one that is closed.
  if (earlier !== undefined && identityOf(earlier.fd)?.inode === earlier.inode) return earlier.fd;
  const fd = replacedListener(server) ?? fdOf(server as RuntimeOwned);
  if (!isListening(fd)) {
    throw new TypeError("Cannot use what does not listen for connections: it must be a server");
  }
  return watchesLater() ? fd : watchedDuplicate(fd);
}

/**
 * The descriptor by which an event loop watches a socket. Where the runtime does not tell the descriptor of a
 * server, it was found by the address, and a duplicate that the program has is found as well.
 */
function watchedDuplicate(fd: number): number {
  if (watchesOf(fd).length > 0) return fd;
  const inode = identityOf(fd)?.inode;
  return watchedDescriptors().find((each) => each.inode === inode)?.fd ?? fd;
}

/**
 * Has the event loop watch the listening socket of a server no more.
 *
 * @param fd the descriptor of the socket, which the server has
 * @param isAlone whether no other server of its event loop may accept from the same socket
 * @returns what is known of the server
 * @throws {HandleError} `ENOTSUP` when it is not known which event loop watches it, and when the server is not
 * alone; nothing has changed then
 */
export function stop(server: object, fd: number, isAlone: boolean = false): Stopped {
  const inode = identityOf(fd)?.inode ?? -1;
  const watched = watchedDescriptors();
  const watches = watchesOf(fd, watched);
  if (watches.length === 0) {
    const earlier = stopped().get(server);
    if (earlier?.inode === inode) {
      if (isAlone && earlier.isShared) throw notAlone(fd);
      return earlier;
    }
    if (!watchesLater()) throw unwatched(fd);
  }
  const name = localName(fd)!;
  const epolls = new Set(watches.map(({ epoll }) => epoll));
  const isShared = watched
    .some((each) => each.inode === inode && each.fd !== fd && epolls.has(each.epoll));
  if (isAlone && isShared) throw notAlone(fd);
  const first = accepted(name, epolls, watched);
  const known = new Set(first.map((each) => each.inode));
  unwatchAll(fd, watches);
  const settled = settle(fd, inode, epolls);
  const state: Stopped = { fd, inode, name, epolls, isShared, first, known, settled };
  stopped().set(server, state);
  return state;
}

/** Whether the event loop of this runtime watches a new descriptor when it waits for the next time. */
function watchesLater(): boolean {
  return !("Deno" in globalThis) && !("Bun" in globalThis);
}

/** Removes all registrations of a descriptor, or none. */
function unwatchAll(fd: number, watches: readonly Watch[]): void {
  try {
    for (const { epoll } of watches) unwatch(fd, epoll);
    const epolls = watches.map(({ epoll }) => epoll);
    if (watchesOf(fd, watchedDescriptors(fd, epolls)).length > 0) throw unwatched(fd);
  } catch (error) {
    for (const each of watches) tryOrUndefined(() => watch(fd, each));
    throw error;
  }
}

/**
 * Waits until the event loop is done with the events that it had. Node watches a new listening socket from the
 * next turn on: that ends here.
 */
async function settle(fd: number, inode: number, epolls: Set<number>): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS && (turn < 2 || epolls.size === 0); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (identityOf(fd)?.inode !== inode) return; // the server was closed
    const known = epolls.size === 0 ? undefined : [...epolls];
    const find = () => watchesOf(fd, watchedDescriptors(fd, known));
    for (const { epoll } of tryOrUndefined(find) ?? []) {
      epolls.add(epoll);
      tryOrUndefined(() => unwatch(fd, epoll));
    }
  }
}

/**
 * The connections of a server that accepts no more. Where another server of this event loop accepts from the same
 * socket by now, they are those that were there before it.
 *
 * @throws {HandleError} when /proc can't be read
 */
export function connectionsOf({ name, inode, epolls, known }: Stopped): Connection[] {
  const watched = watchedDescriptors();
  const found = accepted(name, epolls, watched);
  if (watched.some((each) => each.inode === inode && epolls.has(each.epoll))) {
    return found.filter((each) => known.has(each.inode));
  }
  for (const each of found) known.add(each.inode);
  return found;
}

/** The connections to an address, but for those that only event loops of other threads watch. */
function accepted(
  name: SocketName,
  epolls: ReadonlySet<number>,
  watched: readonly WatchedDescriptor[],
): Connection[] {
  const isOurs = ({ epoll }: Watch) => epolls.size === 0 || epolls.has(epoll);
  const ours = new Set(watched.filter(isOurs).map(({ inode }) => inode));
  const others = new Set(watched.filter((each) => !isOurs(each)).map(({ inode }) => inode));
  return connectionsTo(name).filter(({ inode }) => ours.has(inode) || !others.has(inode));
}

function unwatched(handle: number): HandleError {
  return failure("ENOTSUP", "epoll_ctl", {
    message:
      `Cannot stop the server of fd ${handle}: no event loop that is known watches it; see whether this ` +
      "version of the runtime waits in another way than by epoll",
    handle,
  });
}

function notAlone(handle: number): HandleError {
  return failure("ENOTSUP", "epoll_ctl", {
    message:
      `Cannot tell the connections of the server of fd ${handle} from those of another server of this thread, ` +
      "which accepts from the same socket; call stopAccepting() before the other one listens",
    handle,
  });
}
