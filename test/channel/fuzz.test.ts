/** A peer that speaks badly: nothing crashes, nothing leaks, and every error is clear. */
import { spawn } from "node:child_process";
import { HandleChannel, type HandleSource, type OwnedHandle } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { frame, int32s, Kind, messageFrame, VERSION } from "../../src/channel/frames.ts";
import { connected, type Ends, next, place, turns } from "../support/channel_ends.ts";
import { anyHello, anyInput, Random, RawPeer } from "../support/channel_fuzz.ts";
import { childFiles } from "../support/child_files.ts";
import { openHandles } from "../support/open_handles.ts";
import { rounds } from "../support/rounds.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isDeno, isWindows, openRaw, positionOf, temporaryFile } from "../support/system.ts";
import { isHandleError } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";
import { programPath } from "../support/program.ts";

const isLinux = process.platform === "linux";
const INPUTS = rounds(100_000, 2000);
const AT_ONCE = 20;
const seed = Number(process.env["DUPHANDLE_SEED"] ?? Math.trunc(Math.random() * 2 ** 32));

/** Receives and sends until the channel ends; counts what it saw. */
async function use(channel: HandleChannel, source: HandleSource, seen: Map<string, number>) {
  const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  const noteError = (error: unknown) => {
    if (!isHandleError(error)) throw error;
    note(error.code);
  };
  const sends = [
    channel.send({ a: 1 }).catch(noteError),
    channel.send("with a handle", [source, source]).catch(noteError),
    channel.send(new Uint8Array(1000)).catch(noteError),
  ];
  for (let more = true; more;) {
    try {
      const received = await channel.receive();
      more = received !== undefined;
      note(more ? "message" : "end");
      received?.[Symbol.dispose]();
    } catch (error) {
      noteError(error);
      more = !channel.closed;
    }
  }
  await Promise.all(sends);
  await channel.close();
}

/** A channel of the same process goes on as if nothing were. */
async function expectWorking(
  { near, far }: Pick<Ends, "near" | "far">,
  source: OwnedHandle,
): Promise<void> {
  await near.send("still there", [source]);
  using received = await next(far);
  expect(received.message).toBe("still there");
  expect(positionOf(received.handles[0]!.raw)).toBe(0);
}

describe.runIf(isLinux)("with raw sockets at the other end (Linux)", () => {
  test(`${INPUTS} bad inputs end in an end or a HandleError, seed ${seed}`, async () => {
    const random = new Random(seed);
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    await using other = await connected();
    await expectWorking(other, source);
    const seen = new Map<string, number>();
    let most = process.memoryUsage().rss;
    const [handles, memory] = [openHandles().length, most];
    for (let inputs = 0; inputs < INPUTS;) {
      const uses: Promise<void>[] = [];
      for (let at = 0; at < AT_ONCE; at++) {
        const peer = new RawPeer(
          random.below(2) === 0 ? undefined : { maxMessageBytes: 5000, maxHandles: 2 },
        );
        uses.push(use(peer.channel, source.raw, seen));
        peer.say(anyHello(random));
        for (let more = 1 + random.below(8); more > 0; more--, inputs++) {
          const { bytes, handles } = anyInput(random, peer.lots);
          const cut = random.below(4) === 0 ? random.below(bytes.length + 1) : bytes.length;
          peer.say(bytes.subarray(0, cut), Array.from({ length: handles }, () => source.raw));
          if (random.below(6) === 0) await turns(1);
          peer.say(bytes.subarray(cut));
        }
        if (random.below(3) === 0) await turns(2);
        if (random.below(4) === 0) void peer.channel.close();
        peer.close();
      }
      await Promise.all(uses);
      await expectWorking(other, source);
      most = Math.max(most, process.memoryUsage().rss);
    }
    await turns(50);
    expect(openHandles().length - handles, "handles left").toBeLessThanOrEqual(0);
    expect(most - memory).toBeLessThan(300 << 20);
    for (const what of ["message", "end", "EPROTO", "EPIPE"]) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(INPUTS / 1000);
    }
    // EMSGSIZE: its hello may say that it accepts next to nothing.
    const known = ["EBADF", "EMSGSIZE", "EPIPE", "EPROTO", "end", "message"];
    expect([...seen.keys()].filter((what) => !known.includes(what))).toEqual([]);
  });

  const text = (json: string, handles = 0) =>
    messageFrame({ json: new TextEncoder().encode(json), parts: [] }, handles);
  const hello = (version: number) => frame(Kind.Hello, int32s(0x4850_5544, version, 1, 1000, 10));
  const batch = (count: number) => frame(Kind.Handles, int32s(0, count));
  /** What is said after a good hello, with so many handles beside it, and what it is called. */
  const faults: readonly (readonly [what: string, handles: number, ...said: Uint8Array[]])[] = [
    ["a second hello", 0, hello(VERSION)],
    ["a frame of kind 77", 0, frame(77)],
    ["other handles than it announced", 2, text("1", 1), batch(1)],
    ["other handles than it announced", 1, text("1", 2), batch(2)],
    ["no handles where it announced some", 0, text("1", 1), batch(1)],
    ["handles of no message", 1, batch(1)],
    ["handles of no message", 2, text("1", 1), batch(2)],
    ["handles of no message", 0, text("1", 300), batch(254)],
    ["another message before all handles of the last one", 0, text("1", 1), text("2")],
    ["too many handles in a message", 0, text("1", 10_001)],
    ["a message after its bye", 0, frame(Kind.Bye), text("1")],
    ["a message that is too short", 0, frame(Kind.Message, int32s(1, 2))],
    ["lengths do not fit", 0, frame(Kind.Message, int32s(0, 5, 0), new Uint8Array(4))],
    ["an ack for more than was sent", 0, frame(Kind.Ack, int32s(1, 0))],
    ["an invalid ack", 0, frame(Kind.Ack, int32s(-1, 0))],
    ["a frame that is too large", 0, frame(Kind.Ack, new Uint8Array(5000))],
    ["beyond the limit", 0, int32s(0x7fff_ffff, Kind.Message)],
    ["more than its window allows", 0, ...Array.from({ length: 65 }, () => text("1"))],
    ["not JSON", 0, text("{")],
    ["not JSON", 0, text('[{"\u007f":3}]')],
    ["a message that is nested too deep", 0, text("[".repeat(2000))],
  ];

  test.each(faults.map(([what, handles, ...said]) => [what, handles, said] as const))(
    "%s (with %i handles) is EPROTO",
    async (what, handles, said) => {
      using file = temporaryFile("abc");
      using source = openRaw(file.path, "r");
      const peer = new RawPeer();
      peer.say(hello(VERSION), Array.from({ length: handles }, () => source.raw));
      for (const each of said) peer.say(each);
      await turns();
      // What came before the fault, if anything, is received first.
      const receive = async () => {
        for (let more = await peer.channel.receive(); more !== undefined;) {
          more = await peer.channel.receive();
        }
        throw new Error("it ended without an error");
      };
      if (what !== "a message after its bye") {
        await expect(receive()).rejects.toMatchObject({
          name: "HandleError",
          code: "EPROTO",
          message: expect.stringContaining(what) as string,
        });
      } else expect(await peer.channel.receive()).toBeUndefined();
      peer.close();
      await peer.channel.close();
    },
  );

  test("another version or something else than a hello is EPROTO", async () => {
    for (
      const first of [hello(1), frame(Kind.Hello, int32s(1, VERSION, 1, 1, 1)), text("1"), hello(0)]
    ) {
      const peer = new RawPeer();
      peer.say(first);
      await expect(peer.channel.receive()).rejects.toMatchObject({ code: "EPROTO" });
      peer.close();
      await peer.channel.close();
    }
  });
});

/** On Windows values in the frames replace the descriptors beside the bytes, and proofs come first. */
describe.runIf(isWindows)("with a raw pipe at the other end (Windows)", () => {
  beforeAll(openOnce);

  test(`${INPUTS} bad inputs end in an end or a HandleError, seed ${seed}`, async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    await using other = await connected();
    await expectWorking(other, source);
    const seen = new Map<string, number>();
    const uses: Promise<void>[] = [];
    let accept: (channel: HandleChannel) => void = (channel) =>
      uses.push(use(channel, source, seen));
    using where = place();
    await using _ = await HandleChannel.listen(where.path, (channel) => accept(channel), {
      maxMessageBytes: 5000,
      maxHandles: 10,
    });
    const memory = process.memoryUsage().rss;

    // Deno can end in a panic when somebody hangs up just when it begins to read (tokio-rs/mio#1819):
    // it is lied to by another runtime, which waits until it has reacted.
    const { command } = runtimeCommands().find(({ name }) => name !== "deno")!;
    const script = programPath("channel/windows_liar.ts");
    const args = [script, where.path, String(process.pid), String(seed), String(INPUTS)];
    using files = childFiles();
    const [executable = "", ...before] = command;
    const liar = spawn(
      executable,
      [...before, ...args, ...isDeno ? [] : ["rude"]],
      files.options,
    );
    const tally = await files.result(liar) as Record<string, number>;
    await Promise.all(uses);

    expect(tally["inputs"]).toBeGreaterThanOrEqual(INPUTS);
    const ways = ["refused", "agreed", ...isDeno ? [] : ["left"]];
    for (const way of ways) expect(tally[way], way).toBeGreaterThan(INPUTS / 100);
    for (const what of ["message", "end", "EPROTO", "EBADF"]) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(INPUTS / 1000);
    }
    // ENOTSUP: the handle is a port's or a socket's. Who is not the process that it says never gets this far.
    const known = ["EBADF", "EMSGSIZE", "ENOTSUP", "EPIPE", "EPROTO", "end", "message"];
    expect([...seen.keys()].filter((what) => !known.includes(what))).toEqual([]);
    expect(process.memoryUsage().rss - memory).toBeLessThan(300 << 20);
    await expectWorking(other, source);

    // The server goes on.
    const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
    await using near = await HandleChannel.connect(where.path);
    await using far = await accepted;
    await expectWorking({ near, far }, source);
    await Promise.all([near.close(), far.close()]);
  });
});
