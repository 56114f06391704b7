/**
 * A listening socket for two children: the parent binds the port, both serve it, and when one of them
 * ends the other goes on. The parent itself accepts nobody. `deno run -A examples/pass_listener.ts`, or
 * the same with `bun` or `node`.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { duplicate, inherited, inheritedNames, spawn } from "duphandle";

if (process.platform === "win32") console.log("skipped: this is for Linux; see docs/sockets.md");
else await (inheritedNames().includes("listener") ? child() : parent());

async function parent(): Promise<void> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const listener = duplicate(server); // before a connection comes: this process is to accept none
  server.close();
  const [first, second] = [start("first"), start("second")];
  listener.close(); // each child has its own

  // A client that comes before they listen waits: the socket listens all the time.
  const answers = await ask(port, 20);
  console.log(`with two children: ${answers.length} of 20 requests answered`);
  await end(first);
  const later = await ask(port, 20);
  console.log(`with one: ${later.length} of 20, by ${[...new Set(later)].join(" and ")}`);
  await end(second);

  function start(name: string): ChildProcess {
    const me = fileURLToPath(import.meta.url);
    const args = "Deno" in globalThis ? ["run", "-A", me] : [...process.execArgv, me];
    return spawn(process.execPath, [...args, name], { stdio: "inherit", handles: { listener } });
  }
}

async function child(): Promise<void> {
  const name = process.argv[2];
  const server = createHttpServer((_, response) => {
    response.setHeader("connection", "close").end(`the ${name} child`);
  });
  await inherited("listener").toServer(server);
}

/** What the children answer to so many requests, one after the other. */
async function ask(port: number, count: number): Promise<string[]> {
  const answers: string[] = [];
  for (let at = 0; at < count; at++) {
    answers.push(await (await fetch(`http://127.0.0.1:${port}/`)).text());
  }
  return answers;
}

async function end(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, "exit");
}
