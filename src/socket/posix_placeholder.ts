/** The placeholder of each kind of socket, on Linux: where it starts, and which of the descriptors it is. */
import { failure, type HandleError } from "../../ffi/error.ts";
import { listenLocally } from "../../ffi/posix/bind.ts";
import { SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { watchesOf } from "../../ffi/posix/epoll.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import {
  isListening,
  localName,
  peerName,
  type SocketName,
  socketType,
} from "../../ffi/posix/socket_name.ts";
import { rememberReplaced } from "../handle/network_source.ts";
import { posixPlatform } from "../handle/posix.ts";
import { kindAndAdvice, streamKindOf } from "../handle/posix_net.ts";
import {
  isAddressed,
  newSocketSince,
  type PlaceholderAddress,
  placeholderAddress,
  socketSnapshot,
  spliceOver,
} from "../handle/posix_splice.ts";
import { closeQuietly } from "../util/late_close.ts";
import { tryOrUndefined } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import type { PlaceholderOptions } from "./placeholder_options.ts";

/** A socket of ours that is to take the place of a placeholder. */
export interface PlaceholderUse {
  readonly options: PlaceholderOptions;
  /** Puts our socket in the place of what was made; throws and replaces nothing when that can't be told. */
  take(made: unknown): void;
  /** Closes what is left, our own descriptor with it, whatever the outcome. */
  end(): void;
  /** Closes what is left, except our own descriptor. */
  cancel(): void;
}

/** The kinds of sockets that can be put under something. */
type ServedKind = "listener" | "connection" | "datagram socket";

const isBun = () => "Bun" in globalThis;
const isDeno = () => "Deno" in globalThis;

/**
 * Prepares the options for a socket.
 *
 * @throws {HandleError} `ENOTSUP` when nothing of the runtime can have it; nothing was done
 */
export function openPlaceholder(raw: RawHandle): PlaceholderUse {
  const kind = streamKindOf(raw);
  if (kind !== "listener" && kind !== "connection" && kind !== "datagram socket") {
    throw refusal(raw, kindAndAdvice(raw, kind));
  }
  const name = localName(raw);
  if (name === undefined || name.family === "other") {
    throw refusal(raw, "it is of a family for which the runtime has nothing");
  }
  if (kind !== "listener") {
    if (isBun()) return useNumber(raw, kind);
    const method = kind === "connection" ? "toSocket" : "toDatagram";
    if (!isDeno()) throw refusal(raw, `Node has no native ${kind}; use ${method}()`);
  }
  return kind === "connection" ? useConnection(raw, name) : useBound(raw, name, kind);
}

/** A placeholder that is bound to an address: a server, or a socket for datagrams. */
function useBound(raw: RawHandle, name: SocketName, kind: ServedKind): PlaceholderUse {
  const type = socketType(raw);
  const address = placeholderAddress(name);
  const before = socketSnapshot();
  return useSplice(raw, kind, address, () => {}, (made) => {
    const reported = reportedBy(made);
    return newSocketSince(
      before,
      (fd) =>
        socketType(fd) === type && isListening(fd) === (kind === "listener") &&
        isAddressed(fd, address, reported),
    );
  });
}

/** A placeholder that is connected to a listener of ours, which accepts nothing. */
function useConnection(raw: RawHandle, name: SocketName): PlaceholderUse {
  const before = socketSnapshot(); // it may throw, so before there is something to close
  const place = placeholderAddress(name);
  const family = name.family as "IPv4" | "IPv6" | "unix";
  const listener = listenLocally(family, "path" in place ? place.path : undefined);
  const at = localName(listener) as SocketName & { address?: string; port?: number; path?: string };
  const address = "path" in place ? place : { hostname: place.hostname, port: at.port! };
  const close = () => closeQuietly(() => posixPlatform.close(listener));
  return useSplice(raw, "connection", address, close, (made) => {
    const reported = reportedBy(made);
    return newSocketSince(before, (fd) => {
      const [own, peer] = [localName(fd), peerName(fd)];
      if (socketType(fd) !== SOCK_STREAM || own === undefined || peer === undefined) return false;
      if (peer.family === "unix") return peer.path === at.path;
      return "port" in peer && "port" in own && peer.address === at.address &&
        peer.port === at.port && own.port === reported?.port;
    });
  });
}

function useSplice(
  raw: RawHandle,
  kind: ServedKind,
  address: PlaceholderAddress | { hostname: string; port: number },
  cancel: () => void,
  find: (made: unknown) => number | undefined,
): PlaceholderUse {
  return {
    options: "path" in address ? unixOptions(address.path, kind) : portOptions(address),
    take(made) {
      const placeholder = find(made);
      if (placeholder === undefined) throw unknownPlaceholder(raw);
      spliceOver(raw, placeholder);
      rememberReplaced(made, placeholder);
    },
    end() {
      cancel();
      closeQuietly(() => posixPlatform.close(raw));
    },
    cancel,
  };
}

/** Where the runtime has an option for the descriptor itself, which it then owns. */
function useNumber(raw: RawHandle, kind: ServedKind): PlaceholderUse {
  const inode = identityOf(raw)?.inode;
  // It may have been closed by the runtime meanwhile, and the number may be another file's.
  const isOpen = () => inode !== undefined && identityOf(raw)?.inode === inode;
  const isOwned = () => !isOpen() || watchesOf(raw).length > 0;
  return {
    options: withoutPort({ fd: raw }),
    take() {
      if (!isOwned()) {
        throw refusal(raw, `what was made has no such ${kind}: spread the options into its own`);
      }
    },
    end() {
      // Where that is not known it stays open: the runtime may have it.
      if (tryOrUndefined(isOwned) === false) closeQuietly(() => posixPlatform.close(raw));
    },
    cancel() {},
  };
}

/** The options for TCP and UDP; `host` is what node:net calls it. */
function portOptions({ hostname, port }: PlaceholderOptions): PlaceholderOptions {
  return isBun() || isDeno()
    ? { hostname, port }
    : Object.assign({ hostname, port }, { host: hostname });
}

function unixOptions(path: string, kind: ServedKind): PlaceholderOptions {
  if (isBun()) return withoutPort({ unix: path });
  if (!isDeno()) return withoutPort({ path });
  return withoutPort({ transport: kind === "datagram socket" ? "unixpacket" : "unix", path });
}

/** The options, with the properties of {@linkcode PlaceholderOptions} that spreading leaves out. */
function withoutPort(options: object): PlaceholderOptions {
  return Object.defineProperties(options, {
    hostname: { value: "", enumerable: false },
    port: { value: 0, enumerable: false },
  }) as PlaceholderOptions;
}

/**
 * What the runtime's object says of its own address: `addr` and `localAddr` of Deno, `port` of Bun,
 * `address()` of `node:net`.
 */
function reportedBy(made: unknown): { readonly port?: unknown } | undefined {
  try {
    const { addr, localAddr, port, address } = (made ?? {}) as {
      readonly addr?: { readonly port?: unknown };
      readonly localAddr?: { readonly port?: unknown };
      readonly port?: unknown;
      readonly address?: unknown;
    };
    if (port !== undefined) return { port };
    if (addr !== undefined || localAddr !== undefined) return { port: (addr ?? localAddr)?.port };
    if (typeof address !== "function") return undefined;
    return { port: (address.call(made) as { port?: unknown } | null)?.port };
  } catch {
    return undefined; // not what the runtime makes
  }
}

function unknownPlaceholder(handle: RawHandle): HandleError {
  return failure("ENOTSUP", "dup3", {
    message:
      `Cannot put handle ${handle} under what was made: its own socket is not found, or can't be told ` +
      "from others; nothing was replaced. Start it with the options that the function gets, and return the " +
      "runtime's object, or a promise of it once it listens; for a server of node:net or node:http use toServer()",
    handle,
  });
}

function refusal(handle: RawHandle, why: string): HandleError {
  return failure("ENOTSUP", "dup3", {
    message: `Cannot serve on handle ${handle}: ${why}`,
    handle,
  });
}
