/** Serves some requests of curl on a listening socket, to be watched by strace. */
import { execFile } from "node:child_process";
import * as http from "node:http";
import * as net from "node:net";
import { promisify } from "node:util";
import { serveOn } from "duphandle";
import { type ListenerKind, makeListener } from "../../support/listeners.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

const [, , kind, method] = process.argv;
const run = promisify(execFile);
await run("curl", ["--version"]);
await settled();
const before = openHandles();

interface Native {
  serve(options: object): { shutdown?(): Promise<void>; stop?(now: boolean): Promise<void> };
}
const runtime = globalThis as unknown as { Deno?: Native; Bun?: Native };

const listener = makeListener(kind as ListenerKind);
const { address } = listener;
const stop = await start();
const options = "host" in address
  ? [
    address.host.includes(":")
      ? `http://[${address.host}]:${address.port}`
      : `http://${address.host}:${address.port}`,
  ]
  : address.path.startsWith("\0")
  ? ["--abstract-unix-socket", address.path.slice(1), "http://localhost"]
  : ["--unix-socket", address.path, "http://localhost"];
let answers = 0;
for (let at = 0; at < 3; at++) {
  const { stdout } = await run("curl", ["--silent", "--noproxy", "*", ...options]);
  if (stdout === "hello") answers++;
}
await stop();
listener[Symbol.dispose]();
report({ answers, left: await leftOpen(before) });
process.exit(0);

async function start(): Promise<() => Promise<unknown>> {
  if (method === "http") {
    const server = http.createServer((_, response) => void response.end("hello"));
    await listener.handle.toServer(server);
    return () => new Promise((resolve) => server.close(resolve));
  }
  if (method === "net") {
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    const server = await listener.handle.toServer(net.createServer((socket) => {
      socket.once("data", () => socket.end(text));
    }));
    return () => new Promise((resolve) => server.close(resolve));
  }
  const answer = () => new Response("hello");
  const native = (runtime.Deno ?? runtime.Bun)!;
  const handler = runtime.Deno ? { handler: answer, onListen() {} } : { fetch: answer };
  const server = serveOn(
    listener.handle,
    (placeholder) => native.serve({ ...placeholder, ...handler }),
  );
  return async () => await (server.shutdown?.() ?? server.stop?.(true));
}
