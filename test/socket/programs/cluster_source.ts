/** A server in a worker of node:cluster, whose socket the primary has: reports how it is refused as a source. */
import cluster from "node:cluster";
import * as net from "node:net";
import { duplicate, type HandleError } from "duphandle";
import { report } from "../../support/report.ts";

if (cluster.isPrimary) {
  const worker = cluster.fork();
  worker.on("message", (result: { code?: unknown }) => {
    if (result.code === undefined) return; // of the loader of TypeScript
    report(result);
    worker.disconnect();
  });
} else {
  const server = net.createServer().listen(0, "127.0.0.1", () => {
    try {
      duplicate(server).close();
      process.send!({ code: "none" });
    } catch (error) {
      const { code, message } = error as HandleError;
      process.send!({ code, advises: message.includes("SCHED_NONE") });
    }
  });
}
