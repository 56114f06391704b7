/**
 * A supervisor: it has the listening socket, and starts the servers that use it. SIGHUP starts the next one; when that
 * serves, the one before finishes its requests and ends. The supervisor stays where it is, in front of the terminal or as
 * the first process of a container, and replaces a server that crashes. The arguments are the command of the servers
 * after the first: `node examples/supervisor.ts deno run -A` has Deno take over from Node.
 */
import { type EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import {
  drain,
  type HandleChannel,
  inspectHandle,
  listenOn,
  parentChannel,
  spawn,
} from "duphandle";

/** How long a server may take until it serves, in milliseconds. */
const START_MS = 60_000;

const me = fileURLToPath(import.meta.url);
const parent = parentChannel();
if (process.platform !== "linux") console.log("skipped: this is for Linux; see docs/restarts.md");
else await (parent === undefined ? supervise() : serve(parent));

/** A server that runs. */
interface Server {
  readonly channel: HandleChannel;
  readonly ended: Promise<unknown>;
}

async function supervise(): Promise<void> {
  const first = [process.execPath, ..."Deno" in globalThis ? ["run", "-A"] : process.execArgv];
  const next = process.argv.length > 2 ? process.argv.slice(2) : first;
  const listener = listenOn({ port: Number(process.env["PORT"] ?? 8080) });
  console.log("listens at", JSON.stringify(inspectHandle(listener).socket?.local));
  let count = 0;
  let current: Server | undefined;
  let work = replace(first);
  let isEnding = false;
  // One after the other: what fails changes nothing, and the next one is tried all the same.
  const later = (run: () => Promise<void>) => {
    work = work.then(run).catch((error) => console.error(error.message));
  };
  process.on("SIGHUP", () => later(() => replace(next)));
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (isEnding) process.exit(1); // at once: the server finishes without it
      isEnding = true;
      later(async () => {
        if (current !== undefined) await finish(current);
        process.exit();
      });
    });
  }
  await work;

  async function replace(command: readonly string[]): Promise<void> {
    const before = current;
    const server = await start(command, count);
    current = server;
    count++;
    void server.ended.then(() => {
      if (current !== server || isEnding) return;
      console.log("it has crashed: clients wait in the queue of the socket");
      current = undefined;
      later(() => server.channel.close());
      later(async () => {
        if (current === undefined) await replace(command).catch(() => process.exit(1)); // none has come meanwhile
      });
    });
    if (before !== undefined) await finish(before);
  }

  /** Starts a server, and waits until it serves. */
  async function start([program, ...args]: readonly string[], number: number): Promise<Server> {
    const child = spawn(program!, [...args, me, `${number}`], { stdio: "inherit", channel: true });
    const { channel } = child;
    const ended = endOf(child);
    const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
    // By the channel: what Deno passes to a child at its start is blocking for a moment, for all who accept from it.
    const ready = channel.send("serve", [listener]).then(() => channel.receive());
    const said = await Promise.race([ready, ended]).catch(() => undefined);
    clearTimeout(timer);
    if (said?.message === "ready") return { channel, ended };
    child.kill("SIGKILL");
    await ended;
    await channel.close();
    throw new Error(`server ${number} did not start; the one before serves on`);
  }
}

/** Fulfilled when a process has ended, or could not be started. */
function endOf(child: EventEmitter): Promise<undefined> {
  return once(child, "exit").then(() => undefined, (error) => void console.error(error.message));
}

/** Has a server finish its requests, and waits for its end. */
async function finish({ channel, ended }: Server): Promise<void> {
  await channel.close();
  await ended;
}

/** In a server: serves until the supervisor closes the channel, or has ended itself. */
async function serve(channel: HandleChannel): Promise<void> {
  const number = process.argv[2];
  process.on("SIGINT", () => {}); // Ctrl-C is for the supervisor
  const server = createServer((_, response) => void response.end(`generation ${number}`));
  const { handles } = (await channel.receive())!;
  await handles[0]!.toServer(server);
  await channel.send("ready");
  console.log(`generation ${number} serves`);
  await channel.receive().catch(() => {});
  const count = await drain(server, { timeout: 10_000 });
  console.log(`generation ${number} ends, ${count} connections were cut off`);
  await channel.close();
  process.exit();
}
