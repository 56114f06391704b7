/** Uses the connections whose numbers it gets: answers each with what came, and ends it. */
import { parentPort } from "node:worker_threads";
import { OwnedHandle } from "duphandle";

parentPort!.on("message", (raw: number) => {
  const socket = OwnedHandle.fromRaw(raw).toSocket({ allowHalfOpen: true });
  let received = "";
  socket.on("data", (bytes) => received += String(bytes));
  socket.on("end", () => socket.end(`thread: ${received}`));
});
parentPort!.postMessage("ready");
