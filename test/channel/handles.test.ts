/** The handles of messages: which they are, whose they are, and that none is left. */
import * as fs from "node:fs";
import { HandleChannel, type HandleSource, type OwnedHandle } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { connected, next, place, turns } from "../support/channel_ends.ts";
import { isSameFile, samples } from "../support/channel_objects.ts";
import {
  closeRaw,
  isDeno,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
} from "../support/system.ts";
import { openOnce } from "../support/windows_objects.ts";

beforeAll(openOnce);

/** Stops at the first failure, and closes what there is then as well. */
function disposing<Each extends Disposable>(
  list: readonly Each[],
): Disposable & { list: readonly Each[] } {
  return {
    list,
    [Symbol.dispose]: () => list.forEach((each) => each[Symbol.dispose]()),
  };
}

describe("a handle", () => {
  test("of every kind refers to the object that was sent, in both directions", async () => {
    await using ends = await connected();
    for (const [from, to] of [[ends.near, ends.far], [ends.far, ends.near]] as const) {
      using made = disposing(samples.map((make) => make()));
      const sources = made.list.map(({ source }) => source);
      await from.send(made.list.map(({ kind }) => kind), sources);
      using received = await next(to);
      expect(received.message).toEqual(made.list.map(({ kind }) => kind));
      expect(received.handles.length).toBe(made.list.length);
      made.list.forEach(({ kind, source, use, expected }, at) => {
        const arrived = received.handles[at] as OwnedHandle;
        expect(isSameFile(source, arrived), kind).toBe(true);
        expect(arrived.raw, kind).not.toBe(source.raw);
        expect(use(arrived), kind).toBe(expected);
      });
    }
  });

  test("is not inheritable there, whatever it is here", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    await using ends = await connected();
    for (const inheritable of [false, true]) {
      source.inheritable = inheritable;
      await ends.near.send(null, [source]);
      using received = await next(ends.far);
      expect(received.handles.map((handle) => handle.inheritable)).toEqual([false]);
      expect(source.inheritable).toBe(inheritable);
    }
  });

  test("may be sent many times in one message: each is a handle of its own", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    await using ends = await connected();
    await ends.near.send(null, [source, source, source]);
    using received = await next(ends.far);
    expect(new Set(received.handles.map(({ raw }) => raw)).size).toBe(3);
    received.handles[0]!.close();
    expect(readRaw(received.handles[1]!.raw, 3)).toBe("abc");
    expect(positionOf(received.handles[2]!.raw)).toBe(3);
    expect(positionOf(source.raw)).toBe(3);
  });

  test("may be closed as soon as it is sent, also when the message has to wait", async () => {
    using file = temporaryFile("abcdef");
    await using ends = await connected();
    const sends: Promise<void>[] = [];
    for (let at = 0; at < 200; at++) {
      using source = openRaw(file.path, "r");
      sends.push(ends.near.send(at, [source]));
    }
    for (let at = 0; at < 200; at++) {
      using received = await next(ends.far);
      expect(received.message).toBe(at);
      expect(readRaw(received.handles[0]!.raw, 3)).toBe("abc");
    }
    await Promise.all(sends);
  });

  test("that outlives the channel goes on", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    let arrived: OwnedHandle;
    {
      await using ends = await connected();
      await ends.near.send(null, [source]);
      arrived = (await next(ends.far)).handles[0] as OwnedHandle;
    }
    expect(readRaw(arrived.raw, 3)).toBe("abc");
    arrived.close();
  });

  test("that was sent is received after the sender's end has closed", async () => {
    const { reader, writer } = pipeRaw();
    await using ends = await connected();
    for (let at = 0; at < 3; at++) await ends.near.send(at, [writer, reader]);
    await ends.near.close();
    await turns();
    for (let at = 0; at < 3; at++) {
      using received = await next(ends.far);
      expect(received.message).toBe(at);
      expect(isSameFile(received.handles[0]!, writer)).toBe(true);
      expect(isSameFile(received.handles[1]!, reader)).toBe(true);
    }
    expect(await ends.far.receive()).toBeUndefined();
    reader.close();
    writer.close();
  });

  test("that was not received is closed with the channel", async () => {
    const { reader, writer } = pipeRaw();
    await using ends = await connected();
    await ends.near.send(null, [writer]);
    writer.close();
    await turns();
    await ends.far.close();
    await ends.near.close(); // on Windows they were still with the sender
    expect(readRaw(reader.raw, 1), "the end of the pipe").toBe("");
    reader.close();
  });

  test(
    "may be a descriptor of the runtime, or an object with one",
    async () => {
      using file = temporaryFile("abcdef");
      const opened = await fs.promises.open(file.path);
      const fd = fs.openSync(file.path, "r");
      await using ends = await connected();
      const sources: HandleSource[] = [fd, opened, { fd }];
      if (isDeno) sources.push(await denoOpen(file.path));
      await ends.near.send(null, sources);
      for (const source of sources.slice(3)) (source as unknown as Disposable)[Symbol.dispose]();
      await opened.close();
      fs.closeSync(fd);
      using received = await next(ends.far);
      expect(received.handles.map(({ raw }) => readRaw(raw, 2))).toEqual(
        isDeno ? ["ab", "ab", "cd", "ab"] : ["ab", "ab", "cd"],
      );
    },
  );
});

async function denoOpen(path: string): Promise<HandleSource> {
  const { Deno } = globalThis as unknown as {
    Deno: { open(path: string): Promise<HandleSource> };
  };
  return await Deno.open(path);
}

describe("a message with handles", () => {
  test("closes those that are still open at the end of its block", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    await using ends = await connected();
    await ends.near.send(null, [source, source, source]);
    let kept: OwnedHandle;
    let all: OwnedHandle[];
    {
      using received = await next(ends.far);
      all = [...received.handles];
      all[0]!.close();
      kept = all[1]!.duplicate();
    }
    expect(all.map(({ closed }) => closed)).toEqual([true, true, true]);
    expect(readRaw(kept.raw, 3)).toBe("abc");
    kept.close();
  });

  test("closes the others too when one was closed behind its back", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    await using ends = await connected();
    await ends.near.send(null, [source, source, source]);
    const received = await next(ends.far);
    closeRaw(received.handles[0]!.raw);
    expect(() => received[Symbol.dispose]()).toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(received.handles.map(({ closed }) => closed)).toEqual([true, true, true]);
  });

  test("may have exactly as many handles and bytes as the other side accepts", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    await using ends = await connected(undefined, { maxHandles: 3, maxMessageBytes: 10_000 });
    const size = (text: string) => ends.near.send(text, [source, source, source]);
    // A message of text has 12 bytes before it and two quotes.
    await size("x".repeat(10_000 - 14));
    await expect(size("x".repeat(10_000 - 13))).rejects.toMatchObject({
      code: "EMSGSIZE",
      message: expect.stringContaining("accepts 10000") as string,
    });
    await expect(ends.near.send(null, [source, source, source, source])).rejects.toMatchObject({
      code: "EMSGSIZE",
      message: expect.stringContaining("4 handles") as string,
    });
    // The other direction has other limits.
    await ends.far.send("x".repeat(20_000), [source, source, source, source]);
    using first = await next(ends.far);
    expect((first.message as string).length).toBe(10_000 - 14);
    expect(first.handles.length).toBe(3);
    using second = await next(ends.near);
    expect(second.handles.length).toBe(4);
  });

  test("too large for the other side is refused also when it was sent before its hello", async () => {
    using where = place();
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const outcomes: Promise<unknown>[] = [];
    let accepted: HandleChannel | undefined;
    await using _ = await HandleChannel.listen(where.path, (channel) => {
      accepted = channel;
      const sources = Array.from({ length: 300 }, () => source);
      outcomes.push(channel.send(null, sources).catch((error) => error.code));
      outcomes.push(channel.send("x".repeat(5000)).catch((error) => error.code));
      outcomes.push(channel.send("fits", [source]));
    });
    await using channel = await HandleChannel.connect(where.path, {
      maxHandles: 1,
      maxMessageBytes: 4500,
    });
    using received = await next(channel);
    expect(received).toMatchObject({ message: "fits", handles: { length: 1 } });
    expect(await Promise.all(outcomes)).toEqual(["EMSGSIZE", "EMSGSIZE", undefined]);
    await channel.close();
    await accepted?.close();
  });
});
