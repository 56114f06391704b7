/** Closes servers while toServer() waits for them to listen, to be watched by strace. */
import * as http from "node:http";
import * as net from "node:net";
import process from "node:process";
import { makeListener, talk } from "../../support/listeners.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

/** When the server is closed: by what listens for its event, and as soon as it listens. */
const moments = {
  event: (server: net.Server) => void server.once("listening", () => server.close()),
  listens(server: net.Server): void {
    const { listen } = server;
    server.listen = function (this: net.Server, ...args: unknown[]) {
      (listen as (...args: unknown[]) => void).apply(this, args);
      process.nextTick(() => this.close());
      return this;
    } as typeof listen;
  },
};

const outcomes: Record<string, unknown> = {};
await attempt("warm-up", net.createServer(), () => {});
await settled();
const before = openHandles();
for (const [name, closeAt] of Object.entries(moments)) {
  await attempt(`net, ${name}`, net.createServer(), closeAt);
  await attempt(`http, ${name}`, http.createServer(), closeAt);
}
delete outcomes["warm-up"];
report({ outcomes, left: await leftOpen(before) });
process.exit(0);

async function attempt(
  name: string,
  server: net.Server,
  closeAt: (server: net.Server) => void,
): Promise<void> {
  using listener = makeListener("TCP4");
  closeAt(server);
  try {
    await listener.handle.toServer(server);
    outcomes[name] = server.listening ? "listens" : "fulfilled, and closed";
    await new Promise((resolve) => server.close(resolve));
  } catch (error) {
    outcomes[name] = (error as { code?: string }).code;
  }
  await talk(listener.address, "").then(() => outcomes[name] = "somebody answers", () => {});
}
