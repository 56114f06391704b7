/**
 * A web server that a newer one replaces without losing a request. `kill -HUP $(cat server.pid)` starts this program
 * again, in the version that it has by then; the old process finishes its requests, and ends. Ctrl-C and SIGTERM have
 * it finish too, and a second one ends it at once. `deno run -A examples/restart.ts`, or the same with `bun` or `node`.
 */
import { createServer } from "node:http";
import { drain, Upgrade } from "duphandle";

if (process.platform === "linux") await main();
else console.log("skipped: this is for Linux; see docs/restarts.md");

async function main(): Promise<void> {
  const upgrade = await Upgrade.start({ pidFile: "server.pid" });
  const { generation } = upgrade;
  const server = createServer((_, response) => void response.end(`generation ${generation}`));
  // The first process binds the port, and each newer one inherits the socket.
  const listener = upgrade.listener("http", { port: 8080 });
  await listener.toServer(server);

  process.on("SIGHUP", () => {
    // What goes wrong with the newer process is no harm: this one serves on.
    upgrade.upgrade().catch((error) => console.error(error.message));
  });
  const { stopped, now } = onStop();
  upgrade.ready(); // the older process, if there is one, finishes now
  console.log(`generation ${generation} serves`);

  // Either a newer process serves, or this one is to end: then no upgrade goes on, and the pid file is removed.
  await Promise.race([upgrade.exit, stopped.then(() => upgrade.close())]);
  const count = await drain(server, { timeout: 10_000, signal: now });
  console.log(`generation ${generation} ends, ${count} connections were cut off`);
  process.exit();
}

/** Fulfilled by the first signal to end; the second one aborts. */
function onStop(): { stopped: Promise<void>; now: AbortSignal } {
  const controller = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    const first = () => {
      resolve();
      for (const name of ["SIGINT", "SIGTERM"] as const) {
        process.off(name, first).on(name, () => controller.abort());
      }
    };
    process.on("SIGINT", first).on("SIGTERM", first);
  });
  return { stopped, now: controller.signal };
}
