/** write() and writev() of a file in Deno for Windows. */
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { isDeno, isWindows } from "../support/system.ts";
import { content, outOfRange, withFile, wrongType } from "../support/windows_file.ts";

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  describe("write()", () => {
    test("takes all forms of its arguments", () =>
      withFile("..........", async (file, path) => {
        const buffer = Buffer.from("abcdef");
        const first = await file.write(buffer, 1, 2, 3);
        expect(first).toEqual({ bytesWritten: 2, buffer });
        expect(first.buffer).toBe(buffer);
        expect(content(path)).toBe("...bc.....");
        await file.write(buffer, { offset: 4, length: 1, position: 9 });
        expect(content(path)).toBe("...bc....e");
        expect(await file.write("x")).toEqual({ bytesWritten: 1, buffer: "x" });
        expect(await file.write("ÿ", null, "latin1")).toMatchObject({ bytesWritten: 1 });
        expect(await file.write("2a", 7, "hex")).toMatchObject({ bytesWritten: 1 });
        expect(await file.write("é", 5)).toMatchObject({ bytesWritten: 2 });
        await file.write(new Uint16Array([0x5a5a]));
        expect(fs.readFileSync(path, "latin1")).toBe("x\xffZZc\xc3\xa9*.e");
        expect(await file.write("")).toMatchObject({ bytesWritten: 0 });
        expect(await file.write(new Uint8Array(0))).toMatchObject({ bytesWritten: 0 });
      }));

    test("behind the end fills the gap with zeros", () =>
      withFile("ab", async (file, path) => {
        await file.write("z", 4);
        expect(content(path)).toBe("ab\0\0z");
        await file.write("A");
        expect(content(path)).toBe("Ab\0\0z");
      }));

    test.each<[string, unknown[], unknown]>([
      ["nothing", [], wrongType],
      ["a number", [3], wrongType],
      ["an object", [{}], wrongType],
      ["an offset behind the buffer", [Buffer.alloc(3), 4], outOfRange],
      ["a length behind the buffer", [Buffer.alloc(3), 1, 3], outOfRange],
      ["an unknown encoding", ["abc", 0, "utf9"], expect.any(TypeError)],
      ["a fraction as position", ["abc", 0.5], outOfRange],
    ])("rejects for %s", (_, args, error) =>
      withFile("abc", async (file, path) => {
        const write = file.write as (...args: unknown[]) => Promise<unknown>;
        await expect(write.apply(file, args)).rejects.toEqual(error);
        expect(content(path)).toBe("abc");
      }));
  });

  test("writev() writes one buffer after the other", () =>
    withFile("......", async (file, path) => {
      const buffers = [Buffer.from("ab"), new Uint8Array(0), new Uint16Array([0x6463])];
      expect(await file.writev(buffers)).toEqual({ bytesWritten: 4, buffers });
      expect(content(path)).toBe("abcd..");
      await file.writev([Buffer.from("Z")], 1);
      await file.writev([Buffer.from("e")]);
      expect(content(path)).toBe("aZcde.");
      expect((await file.writev([])).bytesWritten).toBe(0);
      await expect(file.writev([3] as never)).rejects.toEqual(wrongType);
    }));
});
