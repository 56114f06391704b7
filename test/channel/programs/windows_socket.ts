/**
 * A child that serves the sockets which come over its channel, as handles or as what duplicateSocket() made of
 * them, each as its runtime can: a listener gets so many connections, which are greeted; a connection gets back
 * what it says, until its end.
 */
import * as net from "node:net";
import { OwnedHandle, parentChannel, socketFromInfo } from "duphandle";
import { accept, recv, send } from "duphandle/win32";
import { isBun, isDeno } from "../../support/system.ts";

const channel = parentChannel()!;
const GREETING = "greetings";

async function greet(listener: OwnedHandle, connections: number): Promise<void> {
  if (isDeno) {
    for (let count = 0; count < connections; count++) {
      OwnedHandle.fromRaw(accept(listener.raw)).toSocket().end(GREETING);
    }
    return listener.close();
  }
  let greeted = 0;
  await new Promise<void>((resolve, reject) => {
    const server = net.createServer((socket) => {
      socket.end(GREETING);
      socket.on("close", () => ++greeted === connections && server.close(() => resolve()));
    });
    listener.toServer(server).catch(reject);
  });
}

async function echo(connection: OwnedHandle): Promise<void> {
  if (!isBun) {
    const socket = connection.toSocket({ allowHalfOpen: true });
    socket.pipe(socket);
    return await new Promise((resolve) => socket.on("close", () => resolve()));
  }
  const buffer = new Uint8Array(0x10000);
  for (let count; (count = recv(connection.raw, buffer, 0)) > 0;) {
    for (let sent = 0; sent < count;) sent += send(connection.raw, buffer.subarray(sent, count), 0);
  }
  connection.close();
}

for await (using received of channel) {
  const { connections, info } = received.message as { connections?: number; info?: Uint8Array };
  const socket = info === undefined ? received.handles[0]! : socketFromInfo(info);
  if (connections === undefined) await echo(socket);
  else await greet(socket, connections);
  await channel.send("served");
}
await channel.close();
