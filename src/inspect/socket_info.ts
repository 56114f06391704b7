/** The description of a socket, from what a system says of it. */
import type { SocketAddress, SocketInfo, SocketType } from "./types.ts";

/** The types by their numbers, which are the same on every system. */
const TYPES: ReadonlyMap<number, SocketType> = /* @__PURE__ */ new Map([
  [1, "stream"],
  [2, "datagram"],
  [3, "raw"],
  [5, "seqpacket"],
]);

type SocketName =
  | { readonly family: "IPv4" | "IPv6"; readonly address: string; readonly port: number }
  | { readonly family: "unix"; readonly path: string }
  | { readonly family: "other" };

/** What a system says of a socket. */
interface SocketFacts {
  readonly type: number;
  readonly isListening: boolean;
  readonly local: SocketName;
  readonly remote: SocketName | undefined;
  readonly peerInode?: number | undefined;
}

/** The description of a socket. */
export function socketInfo(
  { type, isListening, local, remote, peerInode }: SocketFacts,
): SocketInfo {
  const [from, to] = [addressOf(local), remote && addressOf(remote)];
  return {
    family: local.family,
    type: TYPES.get(type) ?? "other",
    listening: isListening,
    ...(from && { local: from }),
    ...(to && { remote: to }),
    ...(peerInode !== undefined && { peerInode }),
  };
}

/** The address for users; `undefined` when the socket has none. */
function addressOf(name: SocketName): SocketAddress | undefined {
  if (name.family === "other") return undefined;
  if (name.family === "unix") return name.path === "" ? undefined : { path: name.path };
  const { address, port } = name;
  const isUnbound = port === 0 && /^[0.:]*$/.test(address);
  return isUnbound ? undefined : { address, port };
}
