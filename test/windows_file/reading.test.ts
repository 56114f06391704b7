/** read() and readv() of a file in Deno for Windows. */
import { describe, expect, test } from "vitest";
import { isDeno, isWindows } from "../support/system.ts";
import { outOfRange, text, withFile, wrongType } from "../support/windows_file.ts";

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  describe("read()", () => {
    test("takes all forms of its arguments", () =>
      withFile("0123456789", async (file) => {
        const buffer = Buffer.alloc(4, "-");
        const first = await file.read(buffer, 1, 2, 3);
        expect(first).toEqual({ bytesRead: 2, buffer });
        expect(first.buffer).toBe(buffer);
        expect(buffer.toString()).toBe("-34-");
        await file.read(buffer, { offset: 3, length: 1, position: 9 });
        expect(buffer.toString()).toBe("-349");
        const second = await file.read({ buffer, offset: 0, position: 5n });
        expect([second.bytesRead, text(second.buffer)]).toEqual([4, "5678"]);
        await file.read(buffer);
        expect(buffer.toString()).toBe("0123");
        await file.read(buffer, null, null, null);
        expect(buffer.toString()).toBe("4567");
        const fourth = await file.read();
        expect(fourth.bytesRead).toBe(2);
        expect(Buffer.isBuffer(fourth.buffer) && fourth.buffer.length).toBe(16_384);
        expect(await file.read()).toMatchObject({ bytesRead: 0 });
        expect(await file.read({})).toMatchObject({ bytesRead: 0 });
      }));

    test("fills any view, and only that", () =>
      withFile("abcdefgh", async (file) => {
        const memory = new ArrayBuffer(8);
        await file.read(new Uint16Array(memory, 2, 2));
        expect(text(new Uint8Array(memory))).toBe("\0\0abcd\0\0");
        await file.read(new DataView(memory, 6, 2));
        expect(text(new Uint8Array(memory))).toBe("\0\0abcdef");
      }));

    test("leaves the position alone when it is given one, at and behind the end too", () =>
      withFile("0123456789", async (file) => {
        await file.read(Buffer.alloc(2));
        const buffer = Buffer.alloc(8);
        expect((await file.read(buffer, 0, 8, 7)).bytesRead).toBe(3);
        expect((await file.read(buffer, 0, 8, 10)).bytesRead).toBe(0);
        expect((await file.read(buffer, 0, 8, 5_000_000_000)).bytesRead).toBe(0);
        expect((await file.read(buffer, 0, 8, -1)).bytesRead).toBe(8);
        expect(buffer.toString()).toBe("23456789");
      }));

    test("mixes positional and sequential reads that are all under way at once", () =>
      withFile("0123456789", async (file) => {
        const one = async (position: number | null) =>
          text((await file.read(Buffer.alloc(1), 0, 1, position)).buffer);
        const wanted = [null, 7, null, 3, null, 9, null];
        expect((await Promise.all(wanted.map(one))).join("")).toBe("0713293");
      }));

    test("reads nothing with a length of 0", () =>
      withFile("abc", async (file) => {
        expect(await file.read(Buffer.alloc(3), 0, 0)).toMatchObject({ bytesRead: 0 });
        expect(await file.readFile("utf8")).toBe("abc");
      }));

    test.each<[string, unknown[], unknown]>([
      ["a string", ["abc"], wrongType],
      ["a number", [3], wrongType],
      ["a negative offset", [Buffer.alloc(3), -1], outOfRange],
      ["an offset behind the buffer", [Buffer.alloc(3), 4], outOfRange],
      ["a length behind the buffer", [Buffer.alloc(3), 1, 3], outOfRange],
      ["a fraction as offset", [Buffer.alloc(3), 0.5], outOfRange],
      ["NaN as length", [Buffer.alloc(3), 0, NaN], outOfRange],
      ["a string as length", [Buffer.alloc(3), 0, "1"], wrongType],
      ["-2 as position", [Buffer.alloc(3), 0, 3, -2], outOfRange],
      ["2 ** 63 as position", [Buffer.alloc(3), 0, 3, 1n << 63n], outOfRange],
      ["a string as position", [Buffer.alloc(3), 0, 3, "0"], wrongType],
      ["no buffer in the options", [{ buffer: "abc" }], wrongType],
    ])("rejects for %s", (_, args, error) =>
      withFile("abc", async (file) => {
        const read = file.read as (...args: unknown[]) => Promise<unknown>;
        await expect(read.apply(file, args)).rejects.toEqual(error);
      }));
  });

  test("readv() fills one buffer after the other", () =>
    withFile("0123456789", async (file) => {
      const buffers = [
        Buffer.alloc(3),
        new Uint8Array(0),
        new Uint16Array(2),
        Buffer.alloc(9, "-"),
      ];
      const result = await file.readv(buffers);
      expect(result).toEqual({ bytesRead: 10, buffers });
      expect(buffers.map(text)).toEqual(["012", "", "3456", "789------"]);
      const again = [Buffer.alloc(2)];
      expect((await file.readv(again, 4)).bytesRead).toBe(2);
      expect(again.map(String)).toEqual(["45"]);
      expect((await file.readv(again)).bytesRead).toBe(0);
      expect((await file.readv([])).bytesRead).toBe(0);
      await expect(file.readv("abc" as never)).rejects.toEqual(wrongType);
      await expect(file.readv(["abc"] as never)).rejects.toEqual(wrongType);
    }));
});
