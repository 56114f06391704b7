/** Connected sockets, made and used by the system's own calls. */
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { OwnedHandle } from "duphandle";
import { OwnedSocket } from "../../src/socket/socket.ts";
import { isWindows, readRaw, writeRaw } from "./system.ts";
import { connectedSockets } from "./windows_objects.ts";

/** Two sockets that are connected to each other. */
export function socketPair(): [near: OwnedHandle, far: OwnedHandle] {
  if (isWindows) {
    const [near, far] = connectedSockets();
    return [OwnedSocket.fromSocket(near), OwnedSocket.fromSocket(far)];
  }
  const { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } = posix;
  const [near, far] = posix.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return [OwnedHandle.fromRaw(near), OwnedHandle.fromRaw(far)];
}

/** Sends a text through a socket. */
export function sendText(raw: number, text: string): void {
  if (isWindows) win32.send(raw, new TextEncoder().encode(text), 0);
  else writeRaw(raw, text);
}

/** The text that has come through a socket, up to 100 bytes; "" at the end. */
export function receiveText(raw: number): string {
  if (!isWindows) return readRaw(raw, 100);
  const buffer = new Uint8Array(100);
  return new TextDecoder().decode(buffer.subarray(0, win32.recv(raw, buffer, 0)));
}
