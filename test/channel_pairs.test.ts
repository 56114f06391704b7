/** This runtime at one end of a channel, and every runtime at the other. */
import { spawn } from "node:child_process";
import * as path from "node:path";
import { HandleChannel } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { startOnce } from "./support/peer.ts";
import { openOnce } from "./support/windows_objects.ts";
import { exchange, type Tally } from "./support/channel_exchange.ts";
import { place } from "./support/channel_ends.ts";
import { childFiles } from "./support/child_files.ts";
import { rounds } from "./support/rounds.ts";
import { runtimeCommands } from "./support/runtime_commands.ts";

/** Under Wine each handle is many messages to another process. */
const MESSAGES = rounds(10_000, 1000);
const script = path.join(import.meta.dirname, "programs", "channel_pairs.ts");

// The first child makes the runtime open what it then keeps.
beforeAll(openOnce);
beforeAll(startOnce);

describe.each(runtimeCommands())("with $name at the other end", ({ command }) => {
  test(`${MESSAGES} messages each way arrive whole, and nothing is left`, async () => {
    using where = place();
    using files = childFiles();
    const channels: HandleChannel[] = [];
    let accept: (channel: HandleChannel) => void = () => {};
    const second = new Promise<HandleChannel>((resolve) => accept = resolve);
    const server = await HandleChannel.listen(where.path, (channel) => {
      // The first only warms the other runtime up.
      if (channels.push(channel) === 2) accept(channel);
    });
    const [executable, ...flags] = command as [string, ...string[]];
    const args = [...flags, script, where.path, String(MESSAGES)];
    const child = spawn(executable, args, files.options);
    const result = files.result(child) as Promise<Tally & { left: string[] }>;
    const channel = await Promise.race([second, result.then(() => undefined)]);
    expect(channel?.pid, files.output()).toBe(child.pid);

    const near = await exchange(channel!, "near", MESSAGES);
    const far = await result;
    expect(near.wrong).toEqual([]);
    expect(far.wrong).toEqual([]);
    expect([near.received, far.received]).toEqual([MESSAGES, MESSAGES]);
    expect(Math.min(near.handles, far.handles)).toBeGreaterThan(MESSAGES);
    expect(far.left, "what the other process left open").toEqual([]);
    for (const each of channels) await each.close();
    await server.close();
  });
});
