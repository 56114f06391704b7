/**
 * The same as a service of systemd: `systemctl reload` replaces it, and its socket outlives a crash and `systemctl
 * restart`, so that clients wait instead of being refused. The unit is in docs/restarts.md. By hand:
 * `deno run -A examples/restart_service.ts`, or the same with `bun` or `node`.
 */
import { createServer } from "node:http";
import {
  drain,
  inspectHandle,
  listenFds,
  listenOn,
  notify,
  type OwnedHandle,
  Upgrade,
  watchdogInterval,
} from "duphandle";

if (process.platform === "linux") await main();
else console.log("skipped: this is for Linux; see docs/restarts.md");

async function main(): Promise<void> {
  const upgrade = await Upgrade.start({ notify: true }); // READY, RELOADING and MAINPID are its work
  const { generation } = upgrade;
  const server = createServer((_, response) => void response.end(`generation ${generation}`));
  await upgrade.handle("web", listen).toServer(server);

  process.on("SIGHUP", () => {
    upgrade.upgrade().catch((error) => console.error(error.message));
  });
  const stopped = new Promise<void>((resolve) => process.once("SIGTERM", () => resolve()));
  upgrade.ready();
  const care = watch();
  await Promise.race([upgrade.exit, stopped.then(() => end(upgrade))]);
  clearInterval(care); // the newer process is the one that is watched
  await drain(server, { timeout: 10_000 });
  process.exit();
}

/** The socket: of the unit or of the store of systemd, or bound here and stored there. Newer processes inherit it. */
function listen(): OwnedHandle {
  const passed = listenFds().find(({ name }) => name === "web");
  if (passed !== undefined) return passed.handle;
  const listener = listenOn({ port: Number(process.env["PORT"] ?? 8080) });
  const { local } = inspectHandle(listener).socket!;
  notify(`STATUS=listens at ${JSON.stringify(local)}`, { web: listener });
  return listener;
}

/** Tells systemd that this process is well, as often as it wants to know. */
function watch(): ReturnType<typeof setInterval> | undefined {
  const interval = watchdogInterval();
  if (interval === undefined) return undefined;
  return setInterval(() => {
    try {
      notify("WATCHDOG=1");
    } catch (error) {
      console.error(error); // its queue is full at this moment
    }
  }, interval / 2);
}

async function end(upgrade: Upgrade): Promise<void> {
  notify("STOPPING=1");
  await upgrade.close();
}
