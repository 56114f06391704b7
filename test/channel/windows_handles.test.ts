/** Handles on their way over a channel on Windows: the sender's duplicates, and what announces them. */
import { once } from "node:events";
import { borrow, HandleChannel } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { concatenate } from "../../src/channel/frame_memory.ts";
import { frame, int32s, Kind, messageFrame } from "../../src/channel/frames.ts";
import { encodeMessage } from "../../src/channel/message.ts";
import { connected, next, place } from "../support/channel_ends.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows } from "../support/system.ts";
import {
  handlesOf,
  lied,
  receive,
  rejection,
  start,
  untilHandles,
} from "../support/windows_channels.ts";
import { closeAll, connectedSockets, openOnce, signalled } from "../support/windows_objects.ts";

const { CreateEventW } = win32;

beforeAll(openOnce);

describe.runIf(isWindows)("the sender's copies", () => {
  test("are closed when they are received", async () => {
    await using ends = await connected();
    const event = CreateEventW(null, true, false, null);
    await ends.near.send("two", [event, event].map((raw) => borrow(raw)));
    await ends.near.send("one", [borrow(event)]);
    expect(handlesOf(event)).toBe(4);
    const two = await next(ends.far);
    win32.SetEvent(two.handles[0]!.raw);
    expect(two.handles.map(({ raw }) => signalled(raw))).toEqual([true, true]);
    await untilHandles(event, 1 + 2 + 1); // ours, theirs, and one on its way
    two[Symbol.dispose]();
    (await next(ends.far))[Symbol.dispose]();
    await untilHandles(event, 1);
    win32.CloseHandle(event);
  });

  test("are closed when either side closes", async () => {
    for (const side of ["near", "far"] as const) {
      const event = CreateEventW(null, true, false, null);
      const ends = await connected();
      await ends.near.send("never received", [event, event, event].map((raw) => borrow(raw)));
      expect(handlesOf(event)).toBe(4);
      await Promise.all([ends[side].close(), ends.near.close(), ends.far.close()]);
      expect(handlesOf(event), side).toBe(1);
      win32.CloseHandle(event);
    }
  });

  test.each(isWindows ? runtimeCommands() : [])(
    "are closed when the other process, in $name, is ended, and its own with it",
    async (runtime) => {
      using where = place();
      const event = CreateEventW(null, true, false, null);
      let found: (channel: HandleChannel) => void = () => {};
      const accepted = new Promise<HandleChannel>((resolve) => found = resolve);
      await using _ = await HandleChannel.listen(where.path, found);
      const child = start(runtime, "ignore", "channel/windows_client.ts", where.path, "0");
      const over = once(child, "close");
      const channel = await accepted;
      expect((await next(channel)).message).toBe("here");
      await channel.send("received", [borrow(event)]);
      expect((await next(channel)).message).toBe("received");
      expect(handlesOf(event)).toBe(2);
      await channel.send("on its way", [event, event].map((raw) => borrow(raw)));
      expect(handlesOf(event)).toBeGreaterThan(2);
      const process = win32.OpenProcess(win32.PROCESS_TERMINATE, false, channel.pid!);
      win32.TerminateProcess(process, 1);
      win32.CloseHandle(process);
      await over;
      expect(await channel.receive()).toBeUndefined();
      await channel.close();
      await untilHandles(event, 1);
      win32.CloseHandle(event);
    },
  );

  test("are none of what Windows cannot duplicate", async () => {
    await using ends = await connected();
    const event = CreateEventW(null, true, false, null);
    const port = win32.CreateIoCompletionPort(-1, 0, 0, 0);
    const [client, socket] = connectedSockets();
    for (const raws of [[event, event, port], [event, socket, port]]) {
      const sent = ends.near.send("refused", raws.map((raw) => borrow(raw)));
      expect(await rejection(sent)).toMatchObject({ code: "ENOTSUP" });
      expect([event, socket].map(handlesOf)).toEqual([1, 1]);
    }
    await ends.near.send("fine", [borrow(event)]);
    using received = await next(ends.far);
    expect(received.message).toBe("fine");
    for (const each of [client, socket]) win32.closesocket(each);
    closeAll(event, port);
  });
});

describe.runIf(isWindows)("a message about handles in transit", () => {
  const lies: readonly (readonly [string, Uint8Array])[] = [
    ["too few numbers", int32s()],
    ["too many numbers", int32s(4, 8)],
    ["half a number", int32s(4).subarray(0, 2)],
    ["0", int32s(0)],
    ["a number that is no handle", int32s(6)],
    ["this process itself", int32s(-1)],
  ];

  test.each(lies)("must not be %s", async (_, descriptor) => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    const encoded = encodeMessage("one");
    both.liar.say(messageFrame(encoded, 1), frame(Kind.Handles, int32s(0, 1), descriptor));
    expect(await rejection(receive(both.connection))).toMatchObject({ code: "EPROTO" });
  });

  test.each(lies)("must not be %s, also when a goodbye follows at once", async (_, descriptor) => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    const event = CreateEventW(null, true, false, null);
    const encoded = encodeMessage("one");
    const said = [int32s(event), descriptor].flatMap((each, number) => [
      messageFrame(encoded, 1),
      frame(Kind.Handles, int32s(number, 1), each),
    ]);
    both.liar.say(concatenate([...said, frame(Kind.Bye)]));
    await both.liar.over(); // nobody has received anything yet
    const { handles } = (await receive(both.connection))!;
    expect(await rejection(receive(both.connection))).toMatchObject({ code: "EPROTO" });
    expect(handles.map(handlesOf)).toEqual([2]);
    closeAll(event, ...handles);
  });

  test("may be a handle that is closed: its message is lost, and no other", async () => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    const event = CreateEventW(null, true, false, null);
    const encoded = encodeMessage("two");
    const message = messageFrame(encoded, 2);
    both.liar.say(message, frame(Kind.Handles, int32s(0, 2), int32s(event, 0x7ff0)));
    both.liar.say(message, frame(Kind.Handles, int32s(1, 2), int32s(event, event)));
    expect(await rejection(receive(both.connection))).toMatchObject({ code: "EBADF" });
    expect(handlesOf(event)).toBe(1);
    const { handles } = (await receive(both.connection))!;
    expect(handles.map(handlesOf)).toEqual([3, 3]);
    closeAll(event, ...handles);
  });
});
