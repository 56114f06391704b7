/** Makes a server of a listening socket in a worker of node:cluster. */
import cluster from "node:cluster";
import { makeListener } from "../../support/listeners.ts";
import { report } from "../../support/report.ts";

if (cluster.isPrimary) {
  const worker = cluster.fork();
  await new Promise((resolve) => worker.once("exit", resolve));
} else {
  const listener = makeListener("TCP4");
  const { code, message } = await listener.handle.toServer().then(
    () => ({ code: "it listens", message: "" }),
    (error: NodeJS.ErrnoException) => error,
  );
  report({ code, message });
}
process.exit(0);
