/** readFile(), writeFile() and appendFile() of a file in Deno for Windows. */
import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { duplicate, OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { isDeno, isWindows, openRaw, temporaryFile, temporaryFolder } from "../support/system.ts";
import { content, ourFile, withFile, wrongType } from "../support/windows_file.ts";

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  describe("whole files", () => {
    test("readFile() reads from the position to the end, as bytes or text", () =>
      withFile("grün 0123", async (file) => {
        await file.read(Buffer.alloc(5));
        const rest = await file.readFile();
        expect(Buffer.isBuffer(rest) && rest.toString()).toBe(" 0123");
        expect(await file.readFile()).toHaveLength(0);
        expect(await file.readFile("utf8")).toBe("");
        using copy = duplicate(file);
        win32.SetFilePointerEx(copy.raw, 0, win32.FILE_BEGIN);
        expect(await file.readFile({ encoding: "base64" })).toBe(
          Buffer.from("grün 0123").toString("base64"),
        );
        await expect(file.readFile("utf9" as never)).rejects.toThrow(TypeError);
        await expect(file.readFile(3 as never)).rejects.toEqual(wrongType);
      }));

    test("writeFile() writes at the position, and what is behind stays", () =>
      withFile("0123456789", async (file, path) => {
        await file.write("ab");
        await file.writeFile("cd");
        await file.writeFile(Buffer.from("ef"));
        await file.writeFile("4748", { encoding: "hex", flush: true } as object);
        expect(content(path)).toBe("abcdefGH89");
        await expect(file.writeFile(3 as never)).rejects.toEqual(wrongType);
        await expect(file.writeFile({} as never)).rejects.toEqual(wrongType);
      }));

    test("writeFile() takes iterables and streams", () =>
      withFile("", async (file, path) => {
        await file.writeFile(["a", Buffer.from("b"), "c"]);
        await file.writeFile((async function* () {
          yield "d";
          await sleep(1);
          yield new Uint8Array([101]);
        })());
        using source = temporaryFile("from a stream");
        await file.writeFile(fs.createReadStream(source.path));
        expect(content(path)).toBe("abcdefrom a stream");
        await expect(file.writeFile([3] as never)).rejects.toEqual(wrongType);
      }));

    test("appendFile() writes at the position, as in Node, and at the end when opened so", async () => {
      using file = temporaryFile("0123");
      const plain = ourFile(openRaw(file.path, "r+"));
      await plain.appendFile("ab");
      await plain.close();
      expect(content(file.path)).toBe("ab23");
      const access = win32.FILE_APPEND_DATA | 0x0010_0000; // and SYNCHRONIZE
      const raw = win32.CreateFileW(file.path, access, 7, null, win32.OPEN_EXISTING, 0x80, 0);
      const append = ourFile(OwnedHandle.fromRaw(raw));
      await append.appendFile("cd");
      await append.appendFile(Buffer.from("ef"));
      await append.close();
      expect(content(file.path)).toBe("ab23cdef");
    });

    test("a signal ends them", () =>
      withFile("abc", async (file, path) => {
        const aborted = expect.objectContaining({ name: "AbortError", code: "ABORT_ERR" });
        const signal = AbortSignal.abort();
        await expect(file.readFile({ signal })).rejects.toEqual(aborted);
        await expect(file.writeFile("xyz", { signal })).rejects.toEqual(aborted);
        const later = new AbortController();
        const endless = function* () {
          for (let count = 0;; count++) {
            if (count === 3) later.abort();
            yield "x";
          }
        };
        await expect(file.writeFile(endless(), { signal: later.signal })).rejects.toEqual(aborted);
        expect(content(path)).toBe("xxx");
        await expect(file.readFile({ signal: {} as never })).rejects.toEqual(wrongType);
      }));

    test("16 MiB arrive as they left", async () => {
      const bytes = randomBytes(16 << 20);
      const sum = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
      using folder = temporaryFolder();
      const name = path.join(folder.path, "big");
      fs.writeFileSync(name, "");
      await using file = ourFile(openRaw(name, "r+"));
      await file.writeFile(bytes);
      expect((await file.stat()).size).toBe(bytes.length);
      expect((await file.read(Buffer.alloc(1))).bytesRead).toBe(0);
      const back = Buffer.alloc(bytes.length);
      expect((await file.read(back, 0, back.length, 0)).bytesRead).toBe(back.length);
      expect(sum(back)).toBe(sum(bytes));
      expect((await file.write(bytes, 0, bytes.length, 1)).bytesWritten).toBe(bytes.length);
      const reader = ourFile(openRaw(name, "r"));
      const whole = await reader.readFile();
      await reader.close();
      expect(whole.length).toBe(bytes.length + 1);
      expect(sum(whole.subarray(1))).toBe(sum(bytes));
    });
  });
});
