/** What a user relies on within one channel: messages, their order, and its end. */
import type { HandleChannel, HandleError, JsonValue } from "duphandle";
import { describe, expect, test } from "vitest";
import { connected, nested, next, turns } from "../support/channel_ends.ts";
import { runProgram } from "../support/program.ts";
import { openRaw, temporaryFile } from "../support/system.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

const messages: readonly (readonly [name: string, message: JsonValue])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["zero", 0],
  ["a large number", -1.7976931348623157e308],
  ["a small number", 5e-324],
  ["an integer", 2 ** 53],
  ["an empty string", ""],
  ["a string of many letters", 'aä€😀\0\n"\\'],
  ["a lone surrogate", "\ud800"],
  ["a string that looks like a mark", '\u0001 \\u0001 {"\u0001":0}'],
  ["an empty array", []],
  ["an empty object", {}],
  ["arrays in arrays", [[], [[1], "2", [null]]]],
  ["an object", { a: 1, b: [true, { c: "d" }], "": "", "a b": {} }],
  ["keys of numbers", { 2: "b", 1: "a" }],
  ["empty bytes", bytes()],
  ["bytes", bytes(0, 1, 128, 255)],
  ["bytes in an object and an array", {
    a: bytes(1),
    b: [bytes(2, 3), [bytes()], { c: bytes(4) }],
  }],
  ["many bytes", Array.from({ length: 300 }, (_, at) => bytes(at & 255))],
  ["keys that look like marks", { "\u0001": 0, "\u0001\u0001": bytes(1), "\u0001a": [2] }],
  ["keys with a mark", { "\u007f": 0, "\u007f\u007f": bytes(1), "\u007f%007f": [2], "%007f": 3 }],
  ["a mark alone, with bytes beside it", [{ "\u007f": 0 }, bytes(7), { "\u007f": bytes(8) }]],
  ["a mark alone", { "\u0001": 0 }],
  ["a mark alone, with bytes", [{ "\u0001": 0 }, bytes(7), { "\u0001": bytes(8) }]],
  ["the keys of every object", { constructor: 1, toString: "x", hasOwnProperty: bytes(1) }],
  ["999 levels", nested(999)],
];

describe("a message", () => {
  test.each(messages)("%s arrives as it was sent", async (_, message) => {
    await using ends = await connected();
    await ends.near.send(message);
    await ends.far.send([message, message]);
    expect((await next(ends.far)).message).toEqual(message);
    expect((await next(ends.near)).message).toEqual([message, message]);
  });

  test("may have a key __proto__, which is a key like any other", async () => {
    await using ends = await connected();
    for (const text of ['{"__proto__":{"a":1}}', '{"__proto__":1,"b":[2]}']) {
      for (const extra of [null, bytes(1)]) {
        await ends.near.send([JSON.parse(text) as JsonValue, extra]);
        const [value] = (await next(ends.far)).message as [object];
        expect(Object.keys(value)).toEqual(Object.keys(JSON.parse(text) as object));
        expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
        expect(JSON.stringify(value)).toBe(text);
      }
    }
  });

  test("may have objects without a prototype, Buffers and keys that are undefined", async () => {
    await using ends = await connected();
    const bare = Object.assign(Object.create(null) as object, { a: Buffer.from("b") });
    await ends.near.send({ bare, nothing: undefined } as unknown as JsonValue);
    expect((await next(ends.far)).message).toEqual({ bare: { a: bytes(98) } });
  });

  test("has the content that it had when it was sent", async () => {
    await using ends = await connected();
    const [part, list] = [bytes(1, 2), [1]];
    const sends: Promise<void>[] = [];
    for (let at = 0; at < 100; at++) sends.push(ends.near.send({ part, list }));
    part.fill(9);
    list.push(9);
    for (let at = 0; at < 100; at++) {
      expect((await next(ends.far)).message).toEqual({ part: bytes(1, 2), list: [1] });
    }
    await Promise.all(sends);
  });

  test("of many arrives after the ones before it, in both directions", async () => {
    await using ends = await connected();
    const count = 3000;
    const flow = async (from: HandleChannel, to: HandleChannel) => {
      const sends: Promise<void>[] = [];
      const payload = new Uint8Array(20_000);
      for (let at = 0; at < count; at++) {
        sends.push(from.send(at % 100 === 0 ? { at, payload } : { at }));
      }
      for (let at = 0; at < count; at++) expect((await next(to)).message).toMatchObject({ at });
      await Promise.all(sends);
    };
    await Promise.all([flow(ends.near, ends.far), flow(ends.far, ends.near)]);
  });

  test("larger than any buffer arrives whole", async () => {
    await using ends = await connected();
    const payload = new Uint8Array(12 << 20).map((_, at) => at * 31 >> 3);
    const sent = ends.near.send({ payload });
    const { message } = await next(ends.far);
    expect(Buffer.compare((message as { payload: Uint8Array }).payload, payload)).toBe(0);
    await sent;
  });

  test("large arrives as it was at the call, in its turn, before the end", async () => {
    await using ends = await connected();
    const sizes = [3 << 20, 100, 2 << 20, 5 << 20, 65_536, 4 << 20];
    let sending = Promise.resolve();
    for (const [at, size] of sizes.entries()) {
      const bytes = new Uint8Array(size).fill(at);
      const sent = ends.near.send(bytes);
      bytes.fill(99);
      sending = sending.then(() => sent);
    }
    const last = sending.then(() => ends.near.close());
    for (const [at, size] of sizes.entries()) {
      const { message } = await next(ends.far);
      expect(Buffer.compare(message as Uint8Array, new Uint8Array(size).fill(at))).toBe(0);
    }
    expect(await ends.far.receive()).toBeUndefined();
    await last;
  });

  test("a large message is not lost by closing at once", async () => {
    await using ends = await connected();
    const sent = ends.near.send(new Uint8Array(8 << 20).fill(7));
    const closed = ends.near.close();
    const { message } = await next(ends.far);
    expect(Buffer.compare(message as Uint8Array, new Uint8Array(8 << 20).fill(7))).toBe(0);
    expect(await ends.far.receive()).toBeUndefined();
    await Promise.all([sent, closed]);
  });
});

describe("receiving", () => {
  test("several at once gives each the next message", async () => {
    await using ends = await connected();
    const all = Promise.all([next(ends.far), next(ends.far), next(ends.far)]);
    for (const at of [1, 2, 3]) await ends.near.send(at);
    expect((await all).map(({ message }) => message)).toEqual([1, 2, 3]);
  });

  test("in a loop ends when the other side closes", async () => {
    await using ends = await connected();
    const seen: JsonValue[] = [];
    const loop = (async () => {
      for await (const { message } of ends.far) seen.push(message);
    })();
    for (const at of [1, 2, 3]) await ends.near.send(at);
    await ends.near.close();
    await loop;
    expect(seen).toEqual([1, 2, 3]);
  });

  test("in a loop that is left goes on in the next", async () => {
    await using ends = await connected();
    for (const at of [1, 2]) await ends.near.send(at);
    for (const wanted of [1, 2]) {
      for await (const { message } of ends.far) {
        expect(message).toBe(wanted);
        break;
      }
    }
    expect(ends.far.closed).toBe(false);
  });

  test("tells whose process the other is", async () => {
    await using ends = await connected();
    expect([ends.near.pid, ends.far.pid]).toEqual([process.pid, process.pid]);
  });
});

describe("closing", () => {
  test("lets the other side receive what was sent, then its end", async () => {
    await using ends = await connected();
    for (const at of [1, 2, 3]) await ends.near.send(at);
    await ends.near.close();
    expect([ends.near.closed, ends.far.closed]).toEqual([true, true]);
    for (const at of [1, 2, 3]) expect((await next(ends.far)).message).toBe(at);
    for (let again = 0; again < 2; again++) expect(await ends.far.receive()).toBeUndefined();
    await expect(ends.far.send(4)).rejects.toMatchObject({ code: "EPIPE" });
    await expect(ends.near.send(4)).rejects.toMatchObject({ code: "EBADF" });
  });

  test("twice, and at both ends at once, is one end", async () => {
    await using ends = await connected();
    await ends.near.send(1);
    const closings = [ends.near.close(), ends.far.close(), ends.near.close(), ends.far.close()];
    await Promise.all(closings);
    await ends.near.close();
    expect(await ends.near.receive()).toBeUndefined();
    expect(await ends.far.receive()).toBeUndefined();
  });

  test("ends every receive() that waits, here and there", async () => {
    await using ends = await connected();
    const waiting = [ends.near, ends.near, ends.far, ends.far].map((end) => end.receive());
    await ends.far.close();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("rejects every send() that waits: EBADF here, EPIPE there", async () => {
    await using ends = await connected();
    const outcomes = (end: HandleChannel) =>
      Array.from(
        { length: 200 },
        (_, at) => end.send(at).then(() => "sent", (error: HandleError) => error.code),
      );
    const [near, far] = [outcomes(ends.near), outcomes(ends.far)];
    await turns();
    await ends.near.close();
    const count = (results: readonly string[], code: string) =>
      results.filter((result) => result === code).length;
    const sent = count(await Promise.all(near), "sent");
    expect(sent).toBeGreaterThan(0);
    expect(count(await Promise.all(near), "EBADF")).toBe(200 - sent);
    expect(count(await Promise.all(far), "EPIPE")).toBeGreaterThanOrEqual(200 - 64);
    let left = 0;
    for await (const { message } of ends.far) expect(message).toBe(left++);
    expect(left).toBe(sent);
  });

  test("forgets what was not received, also what comes meanwhile", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    await using ends = await connected();
    await ends.far.send("before", [source]);
    await turns();
    const closing = ends.near.close();
    const late = ends.far.send("meanwhile", [source]).catch((error: HandleError) => error.code);
    for (let again = 0; again < 3; again++) expect(await ends.near.receive()).toBeUndefined();
    await closing;
    expect(await ends.near.receive()).toBeUndefined();
    expect([undefined, "EPIPE"]).toContain(await late);
  });

  test("is what `await using` does", async () => {
    await using ends = await connected();
    {
      await using near = ends.near;
      await near.send(1);
    }
    expect((await next(ends.far)).message).toBe(1);
    expect(await ends.far.receive()).toBeUndefined();
  });
});

test("an open channel keeps the process alive, and one that is unref'd does not", () => {
  expect(runProgram("channel/unref.ts", { args: ["unref"] }).result).toEqual({ left: "unref" });
  expect(runProgram("channel/unref.ts", { args: ["ref"] }).result).toEqual({ left: "closed" });
});
