/** Many messages of a channel with a handle each, and what they leave behind: nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HandleChannel, type HandleSource } from "../../mod.ts";
import type { Fixture } from "./fixture.ts";
import { type Leak, measureLeak } from "./leak.ts";

/** Enough for the engine to compile the code, and for the buffers of the sockets to be what they stay. */
const WARM_UP = 100_000;

/** Sends the messages from one end of a channel to the other, and measures before and after. */
export async function sendMessages(messages: number, fixture: Fixture): Promise<Leak> {
  const isWindows = process.platform === "win32";
  const folder = isWindows ? undefined : mkdtempSync(join(tmpdir(), "duphandle-soak-"));
  const path = folder === undefined
    ? `\\\\.\\pipe\\duphandle-soak-${process.pid}`
    : join(folder, "s");
  let accept: (channel: HandleChannel) => void = () => {};
  const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
  const server = await HandleChannel.listen(path, (channel) => accept(channel));
  const near = await HandleChannel.connect(path);
  const far = await accepted;
  try {
    const warmUp = Math.min(WARM_UP, messages);
    return await measureLeak(messages, warmUp, fixture, async (count) => {
      await Promise.all([sendTo(near, count, fixture.source), receiveFrom(far, count)]);
    });
  } finally {
    await Promise.all([near.close(), far.close(), server.close()]);
    if (folder !== undefined) rmSync(folder, { recursive: true });
  }
}

async function sendTo(channel: HandleChannel, count: number, source: HandleSource): Promise<void> {
  for (let at = 0; at < count; at++) await channel.send(at, [source]);
}

async function receiveFrom(channel: HandleChannel, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    using received = await channel.receive();
    if (received?.message === at && received.handles.length === 1) continue;
    throw new Error(`message ${at} did not come with its handle, but ${String(received?.message)}`);
  }
}
