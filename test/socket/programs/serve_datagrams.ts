/** Has the runtime's native datagram socket send back 50 datagrams, on a socket of ours. */
import * as dgram from "node:dgram";
import { OwnedHandle, serveOn } from "duphandle";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, socketpair, write } from "duphandle/posix";
import { localName } from "../../../ffi/posix/socket_name.ts";
import { makeDatagram } from "../../support/listeners.ts";
import { bun, deno } from "../../support/natives.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

const family = process.argv[2] as "IPv4" | "IPv6" | "unix";
const texts = Array.from({ length: 50 }, (_, at) => `text ${at}`);
await settled();
const before = openHandles();
const answers = family === "unix" ? await ofPair() : await ofPort(family);
report({ answers, left: await leftOpen(before) });
process.exit(0);

async function ofPort(family: "IPv4" | "IPv6"): Promise<string[]> {
  const handle = makeDatagram(family);
  const { address, port } = localName(handle.raw) as { address: string; port: number };
  const stop = "Deno" in globalThis ? denoEcho(handle) : await bunEcho(handle);
  const client = dgram.createSocket(family === "IPv4" ? "udp4" : "udp6");
  const received: string[] = [];
  // One after the other: the kernel may drop what comes too fast.
  for (const text of texts) {
    const answered = new Promise<string>((resolve) =>
      client.once("message", (bytes) => resolve(`${bytes}`))
    );
    client.send(text, port, address);
    received.push(await answered);
  }
  await new Promise<void>((resolve) => client.close(resolve));
  stop();
  return received;
}

/** Of a pair of Unix sockets: what came is received, and the other end gets nothing back, having no name. */
async function ofPair(): Promise<string[]> {
  const [ours, other] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  using far = OwnedHandle.fromRaw(other);
  const socket = serveOn(
    OwnedHandle.fromRaw(ours),
    (placeholder) => deno.listenDatagram({ ...placeholder }),
  );
  const received: string[] = [];
  for (const text of texts) {
    write(far.raw, new TextEncoder().encode(text));
    const [bytes] = await socket.receive();
    received.push(new TextDecoder().decode(bytes));
  }
  socket.close();
  return received;
}

function denoEcho(handle: OwnedHandle): () => void {
  const socket = serveOn(
    handle,
    (placeholder) => deno.listenDatagram({ transport: "udp", ...placeholder }),
  );
  void (async () => {
    for (;;) {
      const [bytes, from] = await socket.receive();
      await socket.send(bytes, from);
    }
  })().catch(() => {});
  return () => socket.close();
}

async function bunEcho(handle: OwnedHandle): Promise<() => void> {
  type Own = { send(bytes: Uint8Array, port: number, host: string): boolean };
  const data = (own: Own, bytes: Uint8Array, port: number, host: string) =>
    void own.send(bytes, port, host);
  const socket = await serveOn(
    handle,
    (placeholder) => bun.udpSocket({ ...placeholder, socket: { data } }),
  );
  return () => socket.close();
}
