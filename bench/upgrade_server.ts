/**
 * A server that is replaced, for upgrade_client.ts: `upgrade_server.ts KIND COMMAND` serves by `node:http` or
 * `native`ly. SIGHUP replaces it. SIGUSR2 has it start COMMAND, a list as JSON, by the runtime's own child_process:
 * the same program without a COMMAND, which ends where it would serve. It ends with the other end of its handle `leash`.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import process from "node:process";
import {
  drain,
  drainable,
  inherited,
  inspectHandle,
  type ListeningServer,
  listenOn,
  type OwnedHandle,
  serveOn,
  Upgrade,
} from "../mod.ts";
import { BODY } from "./socket_cost.ts";

/** How long both serve, in milliseconds. */
const MIN_READY_TIME = 100;
/** Requests that a server sends to itself before it serves. */
const WARM_UP = 100;

/** What is used of both runtimes. */
interface Runtimes {
  readonly Deno?: { serve(options: object, handler: () => Response): ListeningServer };
  readonly Bun?: { serve(options: object): ListeningServer };
}

const [kind = "", ...starting] = process.argv.slice(2);
const isToServe = starting.length > 0;

const upgrade = await Upgrade.start({ minReadyTime: MIN_READY_TIME });
if (isToServe) {
  const leash = upgrade.handle("leash", () => inherited("leash"));
  leash.toReadable().on("close", () => process.exit()).resume();
}
const listener = upgrade.listener("http", { port: 0, host: "127.0.0.1" });
const port = portOf(listener);
await warmUp();
const server = await serve(listener);
process.on("SIGHUP", () => void upgrade.upgrade());
process.on("SIGUSR2", () => {
  const [program, ...args] = JSON.parse(starting[0]!) as [string, ...string[]];
  spawn(program, args, { stdio: "ignore" }).once("exit", () => console.log("started"));
});
upgrade.ready();
if (!isToServe) process.exit();
console.log(`ready ${process.pid} ${port}`);
await upgrade.exit;
const cutOff = await drain(server);
console.log(`ended ${cutOff}`);
process.exit();

/** Answers requests of its own on another port, so that those of the clients are not the first ones. */
async function warmUp(): Promise<void> {
  const own = listenOn({ port: 0, host: "127.0.0.1" });
  const port = portOf(own);
  await serve(own);
  for (let at = 0; at < WARM_UP; at++) {
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
  }
}

function portOf(listener: OwnedHandle): number {
  return (inspectHandle(listener).socket!.local as { port: number }).port;
}

async function serve(handle: OwnedHandle): Promise<ListeningServer> {
  if (kind === "native") return serveNatively(handle);
  const http = createServer((_, response) => {
    response.setHeader("content-length", BODY.length);
    response.end(BODY);
  });
  await handle.toServer(http);
  return http;
}

function serveNatively(handle: OwnedHandle): ListeningServer {
  const { Deno, Bun } = globalThis as Runtimes;
  const answer = drainable(() => new Response(BODY));
  return serveOn(
    handle,
    (placeholder) =>
      Deno?.serve({ onListen() {}, ...placeholder }, answer) ??
        Bun!.serve({ ...placeholder, fetch: answer }),
  );
}
