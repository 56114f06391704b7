/** Serves the listening socket whose number it gets. */
import { createServer, type Server } from "node:http";
import { parentPort } from "node:worker_threads";
import { OwnedHandle } from "duphandle";

let server: Server | undefined;

parentPort!.on("message", async (message: number | "end") => {
  if (message === "end") {
    await new Promise((resolve) => server!.close(resolve));
  } else {
    server = createServer((_, response) => void response.end("worker"));
    await OwnedHandle.fromRaw(message).toServer(server);
  }
  parentPort!.postMessage("done");
});
// The event loop of a thread opens with its first server what it keeps.
const first = createServer().listen(0, "127.0.0.1", () => {
  first.close(() => parentPort!.postMessage("ready"));
});
