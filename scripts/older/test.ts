/**
 * Older versions of Deno and Bun, which are installed into the cache: each serves sockets that this process
 * passes, or says which version is needed. `npm run test:older`, on Linux for x64.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { duplicate, type OwnedHandle, spawn } from "../../mod.ts";
import { cacheFolder } from "../machines/cache.ts";
import { lockedPart } from "../machines/npm.ts";
import { catchSignals, program, say } from "../machines/program.ts";
import { openSession } from "../machines/session.ts";
import { root } from "../runtimes.ts";

/** A client may wait this long, in milliseconds, for what it sent. */
const PATIENCE = 60_000;

const WORKS = /^works$/;

/** What each client sends. */
const text = "a line of text ".repeat(1000);

/** An older runtime: the package's name in package.json, the executable in it, and what comes before a script. */
interface Older {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** What does not work there, and the words that say so. */
  readonly refused: Readonly<Record<string, RegExp>>;
}

const config = `--config=${join(root, "deno.json")}`;
const deno = { file: "deno", args: ["run", "--quiet", "--no-prompt", "--no-check", config, "-A"] };
/** Deno takes descriptors of servers from 2.8 on, those of connections somewhat earlier. */
const servers = { net: /^ENOTSUP: .*needs Deno 2\.8/, http: /^ENOTSUP: .*needs Deno 2\.8/ };
/** Bun knows `uid` and `gid` of a child from 1.4 on, Deno from 2.7.8. */
const user = /^ENOTSUP: .*ignores uid and gid/;
const bun = { file: "bin/bun", args: [], refused: { user } };

const runtimes: readonly Older[] = [
  { name: "deno-2.5", ...deno, refused: { ...servers, connection: servers.net, user } },
  { name: "deno-2.7", ...deno, refused: servers },
  { name: "bun-1.2", ...bun },
  { name: "bun-1.3", ...bun },
];

await program("older", async () => {
  catchSignals();
  if (process.platform !== "linux" || process.arch !== "x64") {
    say("skipped: the older runtimes are pinned for Linux on x64 alone");
    return 0;
  }
  const cache = cacheFolder("older");
  const folder = join(cache, "runtimes");
  const executable = ({ name, file }: Older) => join(folder, "node_modules", name, file);
  const part = lockedPart(folder, {
    from: join(root, "scripts", "older"),
    options: [],
    message: "installing older runtimes (half a minute, 420 MB)",
    check() {
      const missing = runtimes.map(executable).filter((file) => !existsSync(file));
      if (missing.length > 0) throw new Error(`package-lock.json does not bring ${missing}`);
    },
  });
  await using _ = await openSession(cache, [part], "shared");
  let failed = 0;
  for (const runtime of runtimes) {
    chmodSync(executable(runtime), 0o755);
    const wrong = await run([executable(runtime), ...runtime.args], runtime.refused);
    say(`${runtime.name}: ${wrong.length === 0 ? "as expected" : wrong.join("; ")}`);
    failed += wrong.length;
  }
  return failed === 0 ? 0 : 1;
});

/** Runs the program in a runtime, as a client of all that it serves; what is not as expected. */
async function run(
  [executable, ...args]: readonly string[],
  refused: Older["refused"],
): Promise<string[]> {
  const bound = { net: await bind(), http: await bind(), native: await bind() };
  const [connection, client] = await connectedPair();
  const { net, http, native } = bound;
  const handles = { net: net.handle, http: http.handle, native: native.handle, connection };
  const child = spawn(executable!, [...args, join(import.meta.dirname, "program.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
    handles,
  }) as ChildProcess;
  const ended = once(child, "exit");
  for (const handle of Object.values(handles)) handle.close();
  const clients: Record<string, (() => Promise<string>) | undefined> = {
    net: () => echoed(connect(net.port, "127.0.0.1")),
    http: () => answered(http.port),
    native: () => answered(native.port),
    connection: () => echoed(client),
    user: undefined, // a child of its own
  };
  try {
    const became = await firstLine(child);
    const wrong: string[] = [];
    for (const [name, exchange] of Object.entries(clients)) {
      const said = became[name] ?? "nothing";
      const expected = refused[name] ?? WORKS;
      if (!expected.test(said)) wrong.push(`${name}: ${said}`);
      else if (exchange !== undefined && expected === WORKS) {
        const came = await exchange().catch((error: Error) => error.message);
        if (came !== text) wrong.push(`${name}: what came back is ${came.slice(0, 100)}`);
      }
    }
    return wrong;
  } finally {
    client.destroy();
    child.stdin!.end();
    await ended;
  }
}

/** What an echo returns. */
async function echoed(client: ReturnType<typeof connect>): Promise<string> {
  client.setTimeout(PATIENCE, () => client.destroy(new Error("no answer")));
  client.write(text);
  let came = "";
  for await (const part of client) {
    came += part;
    if (came.length >= text.length) break;
  }
  return came;
}

/** What a server of HTTP that echoes returns. */
async function answered(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    body: text,
    signal: AbortSignal.timeout(PATIENCE),
  });
  return await response.text();
}

/** A listener on a port of its own. */
async function bind(): Promise<{ readonly handle: OwnedHandle; readonly port: number }> {
  const server = await listening();
  const handle = duplicate(server);
  const { port } = server.address() as AddressInfo;
  server.close();
  return { handle, port };
}

/** A connection that was accepted here, and its client. */
async function connectedPair(): Promise<
  [accepted: OwnedHandle, client: ReturnType<typeof connect>]
> {
  const server = await listening();
  const accepted = once(server, "connection");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = await accepted;
  server.close();
  return [duplicate(socket, { closeSource: true }), client];
}

async function listening(): Promise<Server> {
  const server = createServer({ pauseOnConnect: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

/** The first line that a child prints, which is JSON; nothing when it ends before. */
async function firstLine(child: ChildProcess): Promise<Record<string, string>> {
  for await (const line of createInterface(child.stdout!)) {
    return JSON.parse(line) as Record<string, string>;
  }
  return {};
}
