/** Listening sockets of each kind, and clients of them, made by what the runtimes have. */
import * as http from "node:http";
import * as net from "node:net";
import * as path from "node:path";
import { OwnedHandle } from "duphandle";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  bind,
  connect,
  getsockname,
  type KnownSocketName,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  socket,
} from "duphandle/posix";
import { listenLocally } from "../../ffi/posix/bind.ts";
import { localName } from "../../ffi/posix/socket_name.ts";
import { acceptFrom } from "../../ffi/posix/unix_socket.ts";
import { temporaryFolder } from "./system.ts";

/** The kinds of listening sockets. */
export const listenerKinds = ["TCP4", "TCP6", "Unix", "abstract"] as const;
export type ListenerKind = typeof listenerKinds[number];

/** A listening socket, and where clients connect. */
export interface Listener extends Disposable {
  readonly handle: OwnedHandle;
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
}

/** Makes a listening socket that is bound by the system's own calls. */
export function makeListener(kind: ListenerKind): Listener {
  if (kind === "TCP4" || kind === "TCP6") {
    const handle = OwnedHandle.fromRaw(listenLocally(kind === "TCP4" ? "IPv4" : "IPv6"));
    const name = localName(handle.raw) as { address: string; port: number };
    return {
      handle,
      address: { host: name.address, port: name.port },
      [Symbol.dispose]: () => {
        if (!handle.closed) handle.close();
      },
    };
  }
  const folder = kind === "Unix" ? temporaryFolder() : undefined;
  const socketPath = folder === undefined
    ? `\0duphandle-test-${crypto.randomUUID()}`
    : path.join(folder.path, "socket");
  const handle = OwnedHandle.fromRaw(listenLocally("unix", socketPath));
  return {
    handle,
    address: { path: socketPath },
    [Symbol.dispose]: () => {
      if (!handle.closed) handle.close();
      folder?.[Symbol.dispose]();
    },
  };
}

/** The two ends of a connection, made by the system's own calls. */
export function connectedPair(kind: ListenerKind): [near: OwnedHandle, far: OwnedHandle] {
  using listener = makeListener(kind);
  const domain = { TCP4: AF_INET, TCP6: AF_INET6, Unix: AF_UNIX, abstract: AF_UNIX }[kind];
  const near = OwnedHandle.fromRaw(socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0));
  connect(near.raw, getsockname(listener.handle.raw) as KnownSocketName);
  const accepted = acceptFrom(listener.handle.raw) as { readonly fd: number };
  return [near, OwnedHandle.fromRaw(accepted.fd)];
}

/** A UDP socket at a free port of this machine, bound by the system's own calls. */
export function makeDatagram(family: "IPv4" | "IPv6"): OwnedHandle {
  const isFour = family === "IPv4";
  const fd = socket(isFour ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bind(fd, { family, address: isFour ? "127.0.0.1" : "::1", port: 0 });
  return OwnedHandle.fromRaw(fd);
}

/** Sends bytes to a listener, and returns all that comes until its end. */
export function talk(address: Listener["address"], bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(address as net.NetConnectOpts, () => socket.write(bytes));
    let received = "";
    socket.setEncoding("latin1").on("data", (text) => received += text);
    socket.on("error", reject).on("close", () => resolve(received));
  });
}

/** Asks a web server over a connection of its own, and returns the text. */
export function ask(
  address: Listener["address"],
  options: http.RequestOptions = {},
): Promise<string> {
  const where = "path" in address ? { socketPath: address.path } : address;
  return new Promise((resolve, reject) => {
    const request = http.request({ ...where, agent: false, path: "/", ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (more) => text += more);
      response.on("end", () => resolve(text)).on("error", reject);
    });
    request.on("error", reject).end();
  });
}
