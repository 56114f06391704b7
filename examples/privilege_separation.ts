/**
 * Privilege separation: root binds port 80, or the next free one, and a child that runs as nobody serves
 * it. What the child may not do itself it requests over its channel, where the parent decides. As root:
 * `deno run -A examples/privilege_separation.ts`, or the same with `bun` or `node`.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { duplicate, type HandleChannel, inherited, parentChannel, spawn } from "duphandle";

const NOBODY = 65534;
const me = fileURLToPath(import.meta.url);
const parent = parentChannel();
if (parent !== undefined) await serve(parent);
else if (process.platform !== "linux" || process.getuid?.() !== 0) {
  console.log("skipped: only root on Linux can bind port 80 and start a child as nobody");
} else if (spawnSync("test", ["-r", me], { uid: NOBODY, gid: NOBODY }).status !== 0) {
  console.log(`skipped: nobody, as whom the child is to run, may not read ${me}`);
} else await bind();

/** As root: binds, starts the server, and answers what it requests. */
async function bind(): Promise<void> {
  const server = createServer();
  const port = await listenAtFirst(server, [80, 81, 82, 83]);
  const listener = duplicate(server);
  server.close();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
  fs.writeFileSync(path.join(folder, "log.txt"), "");
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-")); // for the cache of the runtime
  fs.chownSync(home, NOBODY, NOBODY);
  const args = "Deno" in globalThis ? ["run", "-A", me] : [...process.execArgv, me];
  const child = spawn(process.execPath, args, {
    uid: NOBODY,
    gid: NOBODY,
    env: { ...process.env, HOME: home, DENO_DIR: home },
    stdio: "inherit",
    handles: { listener },
    channel: true,
  });
  const ended = once(child, "exit");
  listener.close();

  const { message } = (await child.channel.receive())!;
  console.log("the child requests", message);
  const log = fs.openSync(path.join(folder, "log.txt"), "a"); // a file that nobody else can open
  await child.channel.send("here it is", [log]);
  fs.closeSync(log);
  console.log(await (await fetch(`http://127.0.0.1:${port}/`)).text());
  await child.channel.close(); // which the child takes as the order to end
  await ended;
  console.log("its log:", fs.readFileSync(path.join(folder, "log.txt"), "utf8").trimEnd());
  for (const each of [folder, home]) fs.rmSync(each, { recursive: true });
}

/** As nobody: serves. */
async function serve(channel: HandleChannel): Promise<void> {
  await channel.send("the log");
  const { handles } = (await channel.receive())!;
  const log = await handles[0]!.toFileHandle();
  const server = createHttpServer(async (request, response) => {
    await log.write(`${request.method} ${request.url}\n`);
    response.setHeader("connection", "close");
    response.end(`user ${process.getuid?.()} serves ${request.headers.host}`);
  });
  await inherited("listener").toServer(server);
  await channel.receive(); // the end of the channel
  await channel.close();
  server.close();
  await log.close();
}

/** Listens at the first of these ports that is free, and returns it. */
async function listenAtFirst(server: Server, ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    try {
      await once(server.listen(port, "127.0.0.1"), "listening");
      return port;
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error(`Cannot listen: the ports ${ports.join(", ")} are taken`);
}
