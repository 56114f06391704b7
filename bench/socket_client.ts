/**
 * The client of socket_server.ts: for each line `KIND PORT REQUESTS` on standard input it sends so many requests,
 * several at a time on each connection, and prints how many were answered in a second.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { BODY } from "./socket_cost.ts";

const CONNECTIONS = 16;
/** The requests on their way on one connection: the client is to cost less than the server. */
const DEPTH = 8;
const REQUEST = Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

for await (const line of createInterface(process.stdin)) {
  const [kind, port, requests] = line.split(" ") as [string, string, string];
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => connected(Number(port))),
  );
  const size = kind === "echo" ? REQUEST.length : await answerSize(sockets[0]!);
  const each = Math.ceil(Number(requests) / CONNECTIONS);
  const start = performance.now();
  await Promise.all(sockets.map((socket) => exchange(socket, each, size)));
  const seconds = (performance.now() - start) / 1000;
  for (const socket of sockets) socket.destroy();
  console.log(each * CONNECTIONS / seconds);
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

/** The bytes of an answer, which are the same each time. */
async function answerSize(socket: Socket): Promise<number> {
  socket.write(REQUEST);
  let answer = "";
  while (!answer.endsWith(BODY)) answer += (await once(socket, "data"))[0];
  return answer.length;
}

/** Sends so many requests on a connection, and waits for their answers. */
function exchange(socket: Socket, requests: number, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let [sent, bytes, answered] = [0, 0, 0];
    const send = (count: number) => {
      const more = Math.min(count, requests - sent);
      sent += more;
      if (more > 0) socket.write(more === 1 ? REQUEST : Buffer.concat(Array(more).fill(REQUEST)));
    };
    socket.on("data", (part) => {
      bytes += part.length;
      const now = Math.floor(bytes / size);
      if (now === requests) return resolve();
      send(now - answered);
      answered = now;
    });
    socket.on("error", reject);
    send(DEPTH);
  });
}
