/** Messages, handles and options that a channel refuses, and that it still works after that. */
import { HandleChannel, type JsonValue, type OwnedHandle } from "duphandle";
import { describe, expect, test } from "vitest";
import { badKinds, badNumbers } from "../support/bad_values.ts";
import { connected, nested, next, place } from "../support/channel_ends.ts";
import { openRaw, temporaryFile } from "../support/system.ts";

describe("bad input", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = { cyclic };
  const notJson: readonly (readonly [string, unknown])[] = [
    ...badNumbers.filter(([, value]) => !Number.isFinite(value)),
    ...badKinds.filter(([, value]) =>
      value !== null && !["string", "number"].includes(typeof value) &&
      Object.prototype.toString.call(value) !== "[object Array]" &&
      !(Object.getPrototypeOf(Object(value)) === Object.prototype &&
        Object.keys(Object(value) as object).length === 0)
    ),
    ["undefined", undefined],
    ["an array with a hole", [1, , 2]],
    ["a cycle", cyclic],
    ["1,001 levels and more", nested(1002)],
    ["a Float64Array", new Float64Array(1)],
    ["a class's object", new URL("file:///")],
  ];

  test.each(notJson)("%s is no message", async (_, value) => {
    await using ends = await connected();
    for (const message of [value, [value], { value: [new Uint8Array([1]), value] }]) {
      if (value === undefined && message !== value && !Array.isArray(message)) continue;
      await expect(ends.near.send(message as JsonValue)).rejects.toThrow(TypeError);
    }
    await ends.near.send("still there");
    expect((await next(ends.far)).message).toBe("still there");
  });

  test("handles that are none, or not in a list, are refused, and nothing is sent", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const closed = source.duplicate();
    closed.close();
    await using ends = await connected();
    const lists: unknown[] = [null, 5, source, {}, "12", [source, null], [-1], [1.5], ["1"], [[]]];
    for (const list of lists) {
      await expect(ends.near.send(1, list as []), String(list)).rejects.toThrow(TypeError);
    }
    for (const list of [[closed], [source, closed]]) {
      await expect(ends.near.send(1, list)).rejects.toMatchObject({ code: "EBADF" });
    }
    for (const list of [[99_999], [source, 99_999]]) {
      await expect(ends.near.send(1, list)).rejects.toMatchObject({ code: "EBADF" });
    }
    await ends.near.send("still there", new Set([source]));
    using received = await next(ends.far);
    expect(received).toMatchObject({ message: "still there", handles: { length: 1 } });
  });

  test("a handle that the message closes while it is read is refused, whatever has its number", async () => {
    using file = temporaryFile("abc");
    const source = openRaw(file.path, "r");
    await using ends = await connected();
    const others: OwnedHandle[] = [];
    const message = {
      get text() {
        if (!source.closed) source.close();
        others.push(openRaw(file.path, "r"));
        return "closed it";
      },
    };
    await expect(ends.near.send(message, [source])).rejects.toMatchObject({ code: "EBADF" });
    for (const other of others) other.close();
    await ends.near.send("still there");
    expect((await next(ends.far)).message).toBe("still there");
  });

  test("options, paths and functions of another kind are TypeErrors", async () => {
    using where = place();
    const options: unknown[] = [
      null,
      1,
      "x",
      { maxHandles: -1 },
      { maxHandles: 1.5 },
      {
        maxMessageBytes: 63,
      },
      { maxMessageBytes: "100" },
      { maxmessagebytes: 100 },
    ];
    for (const each of options) {
      await expect(HandleChannel.connect(where.path, each as object)).rejects.toThrow(TypeError);
      await expect(HandleChannel.listen(where.path, () => {}, each as object)).rejects
        .toThrow(TypeError);
    }
    const paths: unknown[] = [undefined, null, 1, "", "a\0b", {}, "/x".repeat(400)];
    for (const path of paths) {
      await expect(HandleChannel.connect(path as string)).rejects.toThrow(TypeError);
      await expect(HandleChannel.listen(path as string, () => {})).rejects.toThrow(TypeError);
    }
    for (const welcome of [undefined, null, 1, {}]) {
      await expect(HandleChannel.listen(where.path, welcome as () => void)).rejects
        .toThrow(TypeError);
    }
  });
});
