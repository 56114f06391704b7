/**
 * Servers that adopted their socket, and the same ones that bound it, in turns in one process:
 * `socket_server.ts TURNS REQUESTS CLIENT…` prints a list of how many requests a second each answered. CLIENT is
 * the command that starts socket_client.ts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { duplicate, type OwnedHandle, serveOn } from "../mod.ts";
import { BODY, type ServerCost } from "./socket_cost.ts";
import { median } from "./timing.ts";

/** A kind of server. */
interface Kind extends Pick<ServerCost, "server" | "by"> {
  /** What the client sends. */
  readonly client: "echo" | "http";
  /** Starts one that binds a port, which is returned. */
  bind(): Promise<number>;
  /** Starts one on a socket that listens. */
  adopt(handle: OwnedHandle): unknown;
}

/** The part of both runtimes that is measured. */
interface Runtimes {
  readonly Deno?: {
    serve(options: object, handler: () => Response): { readonly addr: { readonly port: number } };
  };
  readonly Bun?: { serve(options: object): { readonly port: number } };
}

const [turns = "", requests = "", ...command] = process.argv.slice(2);
const client = spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface(client.stdout)[Symbol.asyncIterator]();

const costs: ServerCost[] = [];
for (const kind of [...nodeKinds(), ...nativeKinds()]) costs.push(await measure(kind));
console.log(JSON.stringify(costs));
process.exit();

async function measure({ server, by, client, bind, adopt }: Kind): Promise<ServerCost> {
  const bound = await bind();
  const { handle, port: adopted } = await listener();
  await adopt(handle);
  const rates: [adopted: number, bound: number][] = [];
  // The first half counts for nothing: after it the engines run optimised code.
  for (let at = -Number(turns); at < Number(turns); at++) {
    // Each of the two is the first in every other turn.
    const first = at % 2 === 0 ? await rate(client, adopted) : undefined;
    const second = await rate(client, bound);
    const pair: [number, number] = [first ?? await rate(client, adopted), second];
    if (at >= 0) rates.push(pair);
  }
  return {
    server,
    by,
    adopted: median(rates.map(([one]) => one)),
    bound: median(rates.map(([, other]) => other)),
    ratio: median(rates.map(([one, other]) => one / other)),
  };
}

/** How many requests a second the client has answered. */
async function rate(kind: string, port: number): Promise<number> {
  client.stdin.write(`${kind} ${port} ${requests}\n`);
  return Number((await lines.next()).value);
}

/** A socket that listens, and belongs to nothing else. */
async function listener(): Promise<{ handle: OwnedHandle; port: number }> {
  const server = createServer();
  const port = await portOf(server);
  const handle = duplicate(server);
  server.close();
  return { handle, port };
}

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

function nodeKinds(): Kind[] {
  const echo = () => createServer({ noDelay: true }, (socket) => socket.pipe(socket));
  const http = () =>
    createHttpServer((_, response) => {
      response.setHeader("content-length", BODY.length);
      response.end(BODY);
    });
  const kind = (server: string, client: Kind["client"], make: () => Server): Kind => ({
    server,
    by: "toServer",
    client,
    bind: () => portOf(make()),
    adopt: (handle) => handle.toServer(make()),
  });
  return [kind("net.Server", "echo", echo), kind("http.Server", "http", http)];
}

function nativeKinds(): Kind[] {
  const { Deno, Bun } = globalThis as Runtimes;
  if (Deno === undefined && Bun === undefined) return [];
  const answer = () => new Response(BODY);
  const serve = (options: object) =>
    Deno?.serve({ onListen() {}, ...options }, answer) ?? Bun!.serve({ ...options, fetch: answer });
  return [{
    server: Deno === undefined ? "Bun.serve" : "Deno.serve",
    by: "serveOn",
    client: "http",
    bind() {
      const server = serve({ hostname: "127.0.0.1", port: 0 });
      return Promise.resolve("addr" in server ? server.addr.port : server.port);
    },
    adopt: (handle) => serveOn(handle, serve),
  }];
}
