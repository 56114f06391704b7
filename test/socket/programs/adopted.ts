/** Uses and closes a stream of each kind, by each of its ways to end; reports the descriptors that are left. */
import type { Duplex } from "node:stream";
import {
  connection,
  connectionKinds,
  type Ends,
  pipe,
  readAll,
  terminal,
  udp,
  writeAll,
} from "../../support/endpoints.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

const bytes = new TextEncoder().encode("hello");

const closing = (stream: Duplex): Promise<unknown> =>
  new Promise((resolve) => stream.on("error", () => {}).once("close", resolve));

/** Reads what has come, then ends. */
async function read(stream: Duplex, far: Ends[1], isDestroyed: boolean): Promise<void> {
  const received = new Promise((resolve) => stream.once("data", resolve));
  const closed = closing(stream);
  await writeAll(far, bytes);
  await received;
  stream.resume();
  if (isDestroyed) stream.destroy();
  else far.close();
  await closed;
  far.close();
}

async function write(stream: Duplex, far: Ends[1], isDestroyed: boolean): Promise<void> {
  const closed = closing(stream);
  stream.write(bytes);
  await readAll(far, bytes.length);
  if (isDestroyed) stream.destroy();
  else stream.end();
  await closed;
  far.close();
}

async function use(isDestroyed: boolean): Promise<void> {
  const ends: Record<string, (direction: "reading" | "writing") => Ends> = {
    pipe,
    master: terminal,
    terminal: () => terminal().reverse() as Ends,
  };
  for (const kind of connectionKinds) {
    ends[kind] = () => connection(kind);
    const [near, far] = connection(kind);
    await read(near.toSocket(), far, isDestroyed);
    const [other, end] = connection(kind);
    other.toSocket().destroy(); // before anything has come
    end.close();
  }
  for (const make of Object.values(ends)) {
    const [reader, writer] = make("reading");
    await read(reader.toReadable() as Duplex, writer, isDestroyed);
    const [near, far] = make("writing");
    await write(near.toWritable() as Duplex, far, isDestroyed);
  }
  for (const family of ["UDP4", "UDP6"] as const) {
    const socket = udp(family).handle.toDatagram();
    if (!isDestroyed) await new Promise((resolve) => socket.once("listening", resolve));
    await new Promise<void>((resolve) => socket.close(resolve));
  }
}

setInterval(() => {}, 1000); // Deno does not wait for what a nextTick() is about to do
await settled();
await use(true); // what a runtime opens at its first use stays
const before = openHandles();
await use(true);
await use(false);
report(await leftOpen(before));
process.exit(0);
