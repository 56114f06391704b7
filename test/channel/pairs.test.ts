/** This runtime at one end of a channel, and every runtime at the other. */
import { type ChildProcess, spawn as plainSpawn } from "node:child_process";
import { HandleChannel, spawn } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { startOnce } from "../support/peer.ts";
import { openOnce } from "../support/windows_objects.ts";
import { exchange, type Tally } from "../support/channel_exchange.ts";
import { place } from "../support/channel_ends.ts";
import { childFiles } from "../support/child_files.ts";
import { rounds } from "../support/rounds.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows } from "../support/system.ts";
import { programPath } from "../support/program.ts";

/** Under Wine each handle is many messages to another process. */
const MESSAGES = rounds(10_000, 1000);
/** The same ends are at work in a child that was given one: what differs is how it gets there. */
const CHILD_MESSAGES = rounds(1000, 100);
const script = programPath("channel/pairs.ts");

/** What the other process reports. */
interface Far extends Tally {
  /** How many sockets it had from its start, and closed. */
  readonly given: number;
  readonly left: readonly string[];
}

/** Looks at what both ends saw. */
function expectWhole(near: Tally, far: Far, messages: number): void {
  expect(near.wrong).toEqual([]);
  expect(far.wrong).toEqual([]);
  expect([near.received, far.received]).toEqual([messages, messages]);
  expect(Math.min(near.handles, far.handles)).toBeGreaterThan(messages);
  expect(far.left, "what the other process left open").toEqual([]);
}

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
    const child = plainSpawn(executable, args, files.options);
    const result = files.result(child) as Promise<Far>;
    const channel = await Promise.race([second, result.then(() => undefined)]);
    expect(channel?.pid, files.output()).toBe(child.pid);

    const near = await exchange(channel!, "near", MESSAGES);
    expectWhole(near, await result, MESSAGES);
    for (const each of channels) await each.close();
    await server.close();
  });

  test(`by spawn() and parentChannel(), ${CHILD_MESSAGES} messages arrive, and nothing is left`, async () => {
    using files = childFiles();
    const [executable, ...flags] = command as [string, ...string[]];
    const args = [...flags, script, "child", String(CHILD_MESSAGES)];
    const child = spawn(executable, args, { ...files.options, channel: true });
    const { channel } = child;
    const result = files.result(child as unknown as ChildProcess) as Promise<Far>;

    const [near, far] = await Promise.all([exchange(channel, "near", CHILD_MESSAGES), result]);
    expectWhole(near, far, CHILD_MESSAGES);
    expect(far.given).toBe(isWindows ? 0 : 2);
    expect(channel.pid).toBe(child.pid);
    await channel.close();
  });
});
