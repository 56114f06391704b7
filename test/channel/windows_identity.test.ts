/** On Windows each side of a channel verifies which process the other is, and whose. */
import { once } from "node:events";
import * as net from "node:net";
import { HandleChannel } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { frame, helloFrame, int32s, Kind, messageFrame } from "../../src/channel/frames.ts";
import { encodeMessage } from "../../src/channel/message.ts";
import { defaultLimits } from "../../src/channel/types.ts";
import { place } from "../support/channel_ends.ts";
import { Liar } from "../support/channel_liar.ts";
import { isWindows } from "../support/system.ts";
import {
  handlesOf,
  lied,
  receive,
  rejection,
  waitingProcess,
} from "../support/windows_channels.ts";
import { openOnce } from "../support/windows_objects.ts";

const { CreateEventW } = win32;

beforeAll(openOnce);

describe.runIf(isWindows)("the process at the other end", () => {
  test("is the one that it says: it shows an event that only that one could take", async () => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    await both.connection.ready;
    expect(both.connection.peerPid).toBe(process.pid);
  });

  test("is not another one", async () => {
    await using other = waitingProcess();
    await using both = await lied(other.pid);
    const event = await both.liar.hear(Kind.Challenge);
    both.liar.say(frame(Kind.Proof, int32s(event!)));
    const error = await rejection(both.connection.ready);
    expect(error).toMatchObject({ code: "EACCES" });
    expect(error.message).toContain(`it is ${other.pid} and is not`);
  });

  test("is not one that shows something else", async () => {
    const event = CreateEventW(null, true, false, null);
    for (const number of [event, 0x7ff0]) {
      await using both = await lied(process.pid);
      both.liar.say(frame(Kind.Proof, int32s(number)));
      expect(await rejection(both.connection.ready)).toMatchObject({ code: "EACCES" });
    }
    expect(handlesOf(event)).toBe(1);
    win32.CloseHandle(event);
  });

  test("is not one that there is not", async () => {
    await using both = await lied(0x7fff_fff0);
    const error = await rejection(both.connection.ready);
    expect(error).toMatchObject({ code: "ESRCH" });
    expect(error.message).toContain(`process ${0x7fff_fff0}`);
  });

  test("may never prove anything: it is not heard, and nothing is left of it", async () => {
    await using both = await lied(process.pid);
    const encoded = encodeMessage("early");
    both.liar.say(messageFrame(encoded, 0));
    await both.liar.hear(Kind.Challenge);
    both.liar[Symbol.dispose]();
    expect(await rejection(both.connection.ready)).toMatchObject({ code: "EPIPE" });
    expect(await receive(both.connection)).toBeUndefined();
  });

  test.each(
    [
      ["a second event", (it: number) => [it, it].map((raw) => frame(Kind.Challenge, int32s(raw)))],
      ["no number", () => [frame(Kind.Challenge)]],
      ["two numbers", () => [frame(Kind.Challenge, int32s(4, 8))]],
      ["no handle", () => [frame(Kind.Challenge, int32s(6))]],
      ["what is closed", () => [frame(Kind.Challenge, int32s(0x7ff0))]],
      ["this process itself", () => [frame(Kind.Proof, int32s(-1))]],
      ["an unexpected proof ack", () => [frame(Kind.Proof)]],
    ] as const,
  )("is not one that sends %s for a proof", async (_, frames) => {
    await using both = await lied(process.pid);
    const event = CreateEventW(null, true, false, null);
    both.liar.say(...frames(event));
    expect(await rejection(both.connection.ready)).toMatchObject({ code: "EPROTO" });
    await both.connection.close(1000);
    expect(handlesOf(event)).toBe(1);
    win32.CloseHandle(event);
  });

  test("is the one whose pipe it is, as the system says", async () => {
    await using other = waitingProcess();
    using where = place();
    const liars: Liar[] = [];
    const server = net.createServer((socket) => {
      const liar = new Liar(socket);
      liars.push(liar);
      liar.say(helloFrame({ pid: other.pid, limits: defaultLimits }));
    });
    server.listen(where.path);
    const error = await rejection(HandleChannel.connect(where.path));
    expect(error).toMatchObject({ code: "EACCES" });
    for (const liar of liars) liar[Symbol.dispose]();
    server.close();
    await once(server, "close");
  });

  // The system's own process lets nobody in. Wine has none with this pid, and one user only.
  test("is not another user's (Windows itself; Wine has one user)", async () => {
    await using both = await lied(4);
    const { code } = await rejection(both.connection.ready);
    expect(["EACCES", "ESRCH"]).toContain(code);
  });
});
