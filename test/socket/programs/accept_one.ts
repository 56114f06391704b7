/** Accepts one connection of the listening socket that it inherits. */
import { inherited } from "duphandle";
import * as posix from "duphandle/posix";

using listener = inherited("listener");
console.log("ready");
posix.poll([{ fd: listener.raw, events: posix.POLLIN, revents: 0 }], 60_000);
const server = await listener.toServer();
server.on("connection", (socket) => {
  socket.end("served by the child");
  socket.on("close", () => server.close());
  socket.resume();
});
