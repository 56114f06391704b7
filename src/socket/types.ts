/** What sockets that listen need of a system. */
import type { OwnedHandle } from "../handle/handle.ts";

/** An address of TCP, after a check. */
export interface PortChoices {
  readonly port: number;
  /** An address of IPv4 or IPv6; `undefined` for all addresses of this machine. */
  readonly host: string | undefined;
  readonly ipv6Only: boolean;
  readonly reuseAddress: boolean;
  readonly backlog: number;
}

/** An address of a Unix socket, after a check. */
export interface PathChoices {
  /** It starts with NUL for an abstract name. */
  readonly path: string;
  readonly mode: number;
  readonly backlog: number;
}

/** What a system provides for listening. */
export interface ListenPlatform {
  listenAtPort(choices: PortChoices): OwnedHandle;
  /** @throws {HandleError} `ENOTSUP` where there are no Unix sockets that a runtime can serve */
  listenAtPath(choices: PathChoices): OwnedHandle;
}
