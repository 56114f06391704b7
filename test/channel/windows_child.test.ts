/** A channel with a child on Windows: the parent listens at a pipe until the child has connected. */
import { once } from "node:events";
import { borrow, HandleChannel, type HandleError, spawn } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { connectToParent, listenForChild } from "../../src/channel/windows.ts";
import { next } from "../support/channel_ends.ts";
import { childFiles } from "../support/child_files.ts";
import { programPath } from "../support/program.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows } from "../support/system.ts";
import { channelOf, rejection, silentClient } from "../support/windows_channels.ts";
import { openOnce, signalled } from "../support/windows_objects.ts";

const { CreateEventW } = win32;

beforeAll(openOnce);

/** Waits until one can listen at a name: Deno closes a pipe a moment later. */
async function untilFree(name: string): Promise<void> {
  for (;;) {
    try {
      return await (await HandleChannel.listen(name, () => {})).close();
    } catch (error) {
      if ((error as HandleError).code !== "EADDRINUSE") throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

describe.runIf(isWindows)("a channel with a child", () => {
  test("can be used before the child is there, from both sides", async () => {
    const { parentEnd, pipeName } = listenForChild();
    await using parent = channelOf(parentEnd);
    const sent = parent.send("for the child");
    await using child = channelOf(connectToParent(pipeName));
    await Promise.all([sent, child.send("for the parent")]);
    expect((await next(child)).message).toBe("for the child");
    expect((await next(parent)).message).toBe("for the parent");
    expect([parent.pid, child.pid]).toEqual([process.pid, process.pid]);
    // Nobody else can connect, and the name goes with the channel.
    expect(await rejection(HandleChannel.listen(pipeName, () => {}))).toMatchObject({
      code: "EADDRINUSE",
    });
    await Promise.all([parent.close(), child.close()]);
    await untilFree(pipeName);
  });

  test.each(isWindows ? runtimeCommands() : [])("in $name", async (runtime) => {
    using files = childFiles();
    const [command, ...flags] = runtime.command as [string, ...string[]];
    const args = [...flags, programPath("channel/windows_child.ts")];
    const child = spawn(command, args, { ...files.options, channel: true });
    const over = once(child, "exit");
    const { channel } = child;
    const event = CreateEventW(null, true, false, null);
    await channel.send("back", [borrow(event)]);
    expect((await next(channel)).message).toBe("early");
    using back = await next(channel);
    win32.SetEvent(back.handles[0]!.raw);
    expect(signalled(event)).toBe(true);
    await channel.close();
    expect((await over)[0], files.output()).toBe(0);
    win32.CloseHandle(event);
  });

  test("ends when it is cancelled, since the child has not come", async () => {
    const { parentEnd, cancel } = listenForChild();
    const channel = channelOf(parentEnd);
    const sent = channel.send("in vain");
    const received = channel.receive();
    cancel();
    expect(await rejection(sent)).toMatchObject({ code: "EPIPE" });
    expect(await received).toBeUndefined();
    cancel();
    await channel.close();
  });

  test("ends when it is closed before the child has come", async () => {
    const { parentEnd, pipeName } = listenForChild();
    await channelOf(parentEnd).close();
    await using child = channelOf(connectToParent(pipeName));
    expect(await child.receive()).toBeUndefined();
  });

  test("is not for strangers who say nothing or something else", async () => {
    const { parentEnd, pipeName } = listenForChild();
    await using parent = channelOf(parentEnd);
    const silent = await silentClient(pipeName);
    const loud = await silentClient(pipeName);
    loud.write("GET / HTTP/1.1\r\n\r\n");
    await once(loud, "close");
    await using child = channelOf(connectToParent(pipeName));
    await child.send("here");
    expect((await next(parent)).message).toBe("here");
    if (!silent.destroyed) await once(silent, "close"); // nobody else can be the child
    await Promise.all([parent.close(), child.close()]);
  });

  test("goes on when it is cancelled after the child has come", async () => {
    const { parentEnd, pipeName, cancel } = listenForChild();
    await using parent = channelOf(parentEnd);
    await using child = channelOf(connectToParent(pipeName));
    await child.send("here");
    expect((await next(parent)).message).toBe("here");
    cancel();
    await parent.send("still there");
    expect((await next(child)).message).toBe("still there");
    await Promise.all([parent.close(), child.close()]);
  });
});
