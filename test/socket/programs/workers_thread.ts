/** Echoes what comes in the connections whose numbers it gets. */
import { createServer, type Server, type Socket } from "node:net";
import { parentPort } from "node:worker_threads";
import { OwnedHandle } from "duphandle";

let bytes = 0;
let server: Server | undefined;

parentPort!.on("message", async (message: { connection?: number; listener?: number } | "end") => {
  if (message === "end") {
    if (server !== undefined) await new Promise((resolve) => server!.close(resolve));
    parentPort!.postMessage(bytes);
  } else if (message.connection !== undefined) {
    echo(OwnedHandle.fromRaw(message.connection).toSocket());
  } else server = await OwnedHandle.fromRaw(message.listener!).toServer(createServer(echo));
});
// The event loop of a thread opens with its first stream what it keeps.
const first = createServer().listen(0, "127.0.0.1", () => {
  first.close(() => parentPort!.postMessage("ready"));
});

function echo(socket: Socket): void {
  socket.on("data", (part) => bytes += part.length);
  socket.pipe(socket);
}
