/** The streams of a file in Deno for Windows. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { denied } from "../support/matchers.ts";
import { isDeno, isWindows, openRaw, temporaryFile } from "../support/system.ts";
import { closed, content, ourFile, text, withFile } from "../support/windows_file.ts";

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  describe("streams", () => {
    test("createReadStream() gives a part, in chunks, and closes the file", async () => {
      using folder = temporaryFile("0123456789");
      const file = ourFile(openRaw(folder.path, "r"));
      const stream = file.createReadStream({
        start: 2,
        end: 7,
        highWaterMark: 4,
        encoding: "utf8",
      });
      expect(stream).toBeInstanceOf(fs.ReadStream);
      const chunks: string[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      expect(chunks).toEqual(["2345", "67"]);
      expect(stream.bytesRead).toBe(6);
      expect(file.fd).toBe(-1);
      await expect(file.stat()).rejects.toEqual(closed);
    });

    test("createReadStream() starts at the position, and autoClose: false leaves the file open", () =>
      withFile("0123456789", async (file) => {
        await file.read(Buffer.alloc(6));
        const stream = file.createReadStream({ autoClose: false });
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk);
        expect(Buffer.concat(chunks).toString()).toBe("6789");
        expect((await file.stat()).size).toBe(10);
      }));

    test("createWriteStream() writes at the position or from a start", async () => {
      using folder = temporaryFile("0123456789");
      const file = ourFile(openRaw(folder.path, "r+"));
      await file.read(Buffer.alloc(1));
      const stream = file.createWriteStream();
      stream.write("a");
      stream.write(Buffer.from("b"));
      stream.write("cd");
      stream.end("e");
      await once(stream, "close");
      expect(stream.bytesWritten).toBe(5);
      expect(content(folder.path)).toBe("0abcde6789");
      expect(file.fd).toBe(-1);

      const other = ourFile(openRaw(folder.path, "r+"));
      const second = other.createWriteStream({ start: 8, flush: true } as object);
      second.end("XYZ");
      await once(second, "close");
      expect(content(folder.path)).toBe("0abcde67XYZ");
    });

    test("a pipeline copies 4 MiB", async () => {
      using from = temporaryFile("");
      using to = temporaryFile("");
      const bytes = randomBytes(4 << 20);
      fs.writeFileSync(from.path, bytes);
      const source = ourFile(openRaw(from.path, "r"));
      const target = ourFile(openRaw(to.path, "w"));
      await pipeline(source.createReadStream(), target.createWriteStream());
      expect(fs.readFileSync(to.path).equals(bytes)).toBe(true);
      expect([source.fd, target.fd]).toEqual([-1, -1]);
    });

    test("closing the file ends its streams, after what they still write", async () => {
      using folder = temporaryFile("");
      const file = ourFile(openRaw(folder.path, "r+"));
      const stream = file.createWriteStream();
      stream.write("a");
      stream.write("b");
      await file.close();
      expect(stream.destroyed).toBe(true);
      expect(content(folder.path)).toBe("ab");
    });

    test("a destroyed stream closes the file", async () => {
      using folder = temporaryFile("abc");
      const file = ourFile(openRaw(folder.path, "r"));
      const stream = file.createReadStream();
      const ended = once(stream, "close");
      stream.destroy();
      await ended;
      expect(file.fd).toBe(-1);
    });

    test("an error of the system is the stream's", async () => {
      using folder = temporaryFile("abc");
      const file = ourFile(openRaw(folder.path, "w"));
      const stream = file.createReadStream();
      await expect(stream.toArray()).rejects.toEqual(denied);
      await file.close();
    });

    test("readLines() gives the lines", async () => {
      using folder = temporaryFile("one\r\ntwo\n\nfour");
      const file = ourFile(openRaw(folder.path, "r"));
      const lines: string[] = [];
      for await (const line of file.readLines()) lines.push(line);
      expect(lines).toEqual(["one", "two", "", "four"]);
      await file.close();
    });

    test("readableWebStream() gives bytes, once, and closes the file with autoClose", async () => {
      const big = "0123456789".repeat(5000);
      await withFile(big, async (file) => {
        const stream = file.readableWebStream();
        expect(() => file.readableWebStream()).toThrow("has one already");
        let read = "";
        for await (const chunk of stream) read += text(chunk as Uint8Array);
        expect(read).toBe(big);
        expect((await file.stat()).size).toBe(big.length);
      });
      using folder = temporaryFile("abc");
      const file = ourFile(openRaw(folder.path, "r"));
      const stream = file.readableWebStream({ autoClose: true } as object);
      expect(await new Response(stream as never).text()).toBe("abc");
      expect(file.fd).toBe(-1);
      await file.close();
    });

    test("readableWebStream() ends with the file, and with its reader", async () => {
      using folder = temporaryFile("abcdef");
      const first = ourFile(openRaw(folder.path, "r"));
      const reader = first.readableWebStream().getReader();
      expect(text((await reader.read()).value as Uint8Array)).toBe("abcdef");
      await first.close();
      expect((await reader.read()).done).toBe(true);
      const second = ourFile(openRaw(folder.path, "r"));
      await second.readableWebStream().cancel();
      expect((await second.stat()).size).toBe(6);
      await second.close();
      const third = ourFile(openRaw(folder.path, "w"));
      await expect(third.readableWebStream().getReader().read()).rejects.toEqual(denied);
      await third.close();
    });
  });
});
