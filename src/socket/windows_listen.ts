/** Listening sockets on Windows: those of TCP. */
import { failure } from "../../ffi/error.ts";
import { bind, listen } from "../../ffi/win32/connection.ts";
import { closesocket, setsockopt, WSASocketW } from "../../ffi/win32/socket.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_TCP,
  SOCK_STREAM,
  SOL_SOCKET,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED,
} from "../../ffi/win32/socket_constants.ts";
import { closeQuietly } from "../util/late_close.ts";
import { listenAtHost } from "./listen_at_host.ts";
import { OwnedSocket } from "./socket.ts";
import type { ListenPlatform, PortChoices } from "./types.ts";

/** winsock2.h and ws2ipdef.h. */
const SO_EXCLUSIVEADDRUSE = -5;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 27;

/** Listening on Windows. */
export const windowsListeners: ListenPlatform = {
  listenAtPort: (choices) =>
    listenAtHost(choices, (host, isIPv6) => listenByWinsock(choices, host, isIPv6)),
  listenAtPath({ path }) {
    throw failure("ENOTSUP", "bind", {
      message:
        `Cannot listen at ${
          JSON.stringify(path)
        }: no runtime for Windows serves Unix sockets; use a ` +
        "port, HandleChannel.listen(), or a named pipe of node:net",
    });
  },
};

function listenByWinsock(choices: PortChoices, host: string, isIPv6: boolean) {
  const { port, ipv6Only, reuseAddress, backlog } = choices;
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
  const family = isIPv6 ? AF_INET6 : AF_INET;
  const raw = WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, null, 0, flags);
  try {
    if (!reuseAddress) setsockopt(raw, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1);
    if (isIPv6) setsockopt(raw, IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0);
    bind(raw, { address: host, port });
    listen(raw, backlog);
    return OwnedSocket.fromSocket(raw);
  } catch (error) {
    closeQuietly(() => closesocket(raw));
    throw error;
  }
}
