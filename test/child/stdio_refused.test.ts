/** What the runtimes own and do not take as an entry of `stdio`. */
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { duplicate, type HandleStdioEntry, spawn } from "duphandle";
import { beforeAll, expect, test } from "vitest";
import { isDeno, isWindows } from "../support/system.ts";
import { connectOnce } from "../support/windows_objects.ts";

beforeAll(connectOnce);

async function listening<Server extends net.Server>(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const sources: Record<string, () => Promise<{ close(): unknown }>> = {
  "a server of node:net": () => listening(net.createServer()),
  "a server of node:http": () => listening(http.createServer()),
  "a server that does not listen": () => Promise.resolve(net.createServer()),
  // Of this one Node 20 dies.
  async "a socket of node:dgram"() {
    const socket = dgram.createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return socket;
  },
};
if (isDeno) {
  const { Deno } = globalThis as unknown as { Deno: { listen(options: object): never } };
  const options = { hostname: "127.0.0.1", port: 0 };
  sources["a listener of Deno"] = () => Promise.resolve(Deno.listen(options));
}

test.each(Object.entries(sources))("%s is refused, with what to use", async (_name, make) => {
  const source = await make();
  for (const at of [0, 3]) {
    const stdio: unknown[] = ["ignore", "ignore", "ignore"];
    stdio[at] = source;
    const start = () => spawn("x", [], { stdio: stdio as HandleStdioEntry[] });
    expect(start).toThrow(TypeError);
    expect(start).toThrow(
      /^Cannot use a (?:Server|Socket|Listener) as an entry of stdio: .*; use duplicate\(server\)/,
    );
  }
  source.close();
});

test.skipIf(isWindows)("a handle of a server stands in its place", async () => {
  const server = await listening(net.createServer());
  using handle = duplicate(server);
  const child = spawn("sh", ["-c", "test -S /dev/fd/3"], {
    stdio: ["ignore", "ignore", "inherit", handle],
  });
  expect((await once(child, "exit"))[0]).toBe(0);
  server.close();
});

test.skipIf(isWindows || isDeno)("a connection stays what the runtime takes", async () => {
  const server = await listening(net.createServer({ pauseOnConnect: true }));
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
  const [connection] = await once(server, "connection");
  const child = spawn("echo", ["hello"], { stdio: ["ignore", connection, "inherit"] });
  const [text] = await Promise.all([once(client, "data"), once(child, "exit")]);
  expect(`${text[0]}`).toBe("hello\n");
  for (const each of [connection, client]) each.destroy();
  server.close();
});
