/** How a file in Deno for Windows is made, shared, closed and duplicated. */
import { EventEmitter } from "node:events";
import * as fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { copyFileHandle, CopyFlags, duplicate, OwnedHandle } from "duphandle";
import { describe, expect, test } from "vitest";
import { WindowsFile } from "../../src/windows_file/mod.ts";
import { denied } from "../support/matchers.ts";
import { openHandles } from "../support/open_handles.ts";
import {
  isDeno,
  isWindows,
  NEVER_OPEN,
  openRaw,
  positionOf,
  readRaw,
  temporaryFile,
  writeRaw,
} from "../support/system.ts";
import { closed, ourFile, text, withFile } from "../support/windows_file.ts";

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  test("has every method of the runtime's own FileHandle", () =>
    withFile("abc", async (file, path) => {
      const own = await fs.promises.open(path);
      const prototype = Object.getPrototypeOf(own);
      const missing = Object.getOwnPropertyNames(prototype)
        .filter((name) => name !== "constructor" && name !== "duplicate" && !(name in file));
      await own.close();
      expect(missing).toEqual([]);
      expect(file).toBeInstanceOf(EventEmitter);
      expect(await file.readFile("utf8")).toBe("abc");
    }));

  describe("the position", () => {
    test("is shared with other handles of the same open file", async () => {
      using file = temporaryFile("0123456789");
      using raw = openRaw(file.path, "r+");
      await using first = ourFile(duplicate(raw));
      await using second = ourFile(duplicate(raw));
      expect(readRaw(raw.raw, 2)).toBe("01");
      expect(text((await first.read(Buffer.alloc(2))).buffer)).toBe("23");
      expect(text((await second.read(Buffer.alloc(2))).buffer)).toBe("45");
      await first.write("x");
      expect(positionOf(raw.raw)).toBe(7);
      await second.read(Buffer.alloc(3), 0, 3, 0);
      await second.write("y", 9);
      expect(positionOf(raw.raw)).toBe(7);
      expect(await first.readFile("utf8")).toBe("78y");
    });
  });

  describe("close()", () => {
    test("closes once, says so, and a second call resolves", async () => {
      using folder = temporaryFile("abc");
      const before = openHandles().length;
      const file = ourFile(openRaw(folder.path, "r"));
      expect(openHandles()).toHaveLength(before + 1);
      let events = 0;
      (file as unknown as EventEmitter).on("close", () => events++);
      const both = [file.close(), file.close()];
      await Promise.all(both);
      await file.close();
      expect([events, file.fd]).toEqual([1, -1]);
      expect(openHandles()).toHaveLength(before);
    });

    test("await using closes", async () => {
      using folder = temporaryFile("abc");
      let kept: FileHandle;
      {
        await using file = ourFile(openRaw(folder.path, "r"));
        kept = file;
      }
      expect(kept.fd).toBe(-1);
    });

    test("whatever comes after rejects with EBADF", async () => {
      using folder = temporaryFile("abc");
      const file = ourFile(openRaw(folder.path, "r+"));
      await file.close();
      const calls: (() => Promise<unknown>)[] = [
        () => file.read(),
        () => file.readv([Buffer.alloc(1)]),
        () => file.write("x"),
        () => file.writev([Buffer.alloc(1)]),
        () => file.readFile(),
        () => file.writeFile("x"),
        () => file.appendFile("x"),
        () => file.stat(),
        () => file.truncate(),
        () => file.sync(),
        () => file.datasync(),
        () => file.utimes(0, 0),
        () => file.chmod(0),
        () => file.chown(0, 0),
      ];
      for (const call of calls) await expect(call(), String(call)).rejects.toEqual(closed);
      expect(() => file.createReadStream()).toThrow(closed);
      expect(() => file.createWriteStream()).toThrow(closed);
      expect(() => file.readLines()).toThrow(closed);
      expect(() => file.readableWebStream()).toThrow(closed);
    });

    // Not by closing one: its number could be another object's, which the file would then close.
    test("a handle that is not open any more is EBADF", async () => {
      const file = new WindowsFile(NEVER_OPEN);
      await expect(file.read()).rejects.toEqual(closed);
      await expect(file.close()).rejects.toMatchObject({ code: "EBADF", syscall: "NtClose" });
      await file.close();
    });

    test("1,000 files opened, used and closed leave nothing", async () => {
      using folder = temporaryFile("abc");
      const before = openHandles().length;
      for (let count = 0; count < 1000; count += 20) {
        await Promise.all(Array.from({ length: 20 }, async () => {
          await using file = ourFile(openRaw(folder.path, "r"));
          expect((await file.read(Buffer.alloc(2), 0, 2, 1)).bytesRead).toBe(2);
        }));
      }
      expect(openHandles()).toHaveLength(before);
    });
  });

  describe("errors", () => {
    test("say what access is missing", async () => {
      await withFile("abc", async (file) => {
        await expect(file.write("x")).rejects.toEqual(denied);
        await expect(file.writeFile("x")).rejects.toEqual(denied);
        // Windows reports EACCES, Wine 10 EINVAL.
        await expect(file.truncate(1)).rejects.toMatchObject({
          code: expect.stringMatching(/^(EACCES|EINVAL)$/),
        });
        expect(await file.readFile("utf8")).toBe("abc");
      }, "r");
      await withFile("abc", async (file) => {
        await expect(file.read()).rejects.toMatchObject({
          code: "EACCES",
          syscall: "NtReadFile",
        });
        await expect(file.readFile()).rejects.toEqual(denied);
      }, "w");
    });

    test("one that failed leaves the file usable", () =>
      withFile("abc", async (file) => {
        const failed = [file.write("x"), file.read(Buffer.alloc(1))];
        await expect(failed[0]).rejects.toEqual(denied);
        expect((await failed[1] as { bytesRead: number }).bytesRead).toBe(1);
      }, "r"));
  });

  describe("as a source", () => {
    test("its fd, the file itself and its duplicate share the position", () =>
      withFile("0123456789", async (file) => {
        expect(file.fd).toBeGreaterThan(2);
        using byFile = duplicate(file);
        using byFd = duplicate(file.fd);
        using byObject = duplicate({ fd: file.fd }, { access: "read" });
        expect(readRaw(byFile.raw, 2) + readRaw(byFd.raw, 2) + readRaw(byObject.raw, 2))
          .toBe("012345");
        expect(await file.readFile("utf8")).toBe("6789");
        expect(() => writeRaw(byObject.raw, "x")).toThrow(denied);
      }));

    test("node:fs does not take its number for a file of its own", () =>
      withFile("abc", (file) => {
        expect(() => fs.fstatSync(file.fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
        return Promise.resolve();
      }));

    test("closeSource closes it, also by its number", async () => {
      using folder = temporaryFile("abc");
      const first = ourFile(openRaw(folder.path, "r"));
      using one = duplicate(first, { closeSource: true });
      expect(first.fd).toBe(-1);
      const second = ourFile(openRaw(folder.path, "r"));
      const { fd } = second;
      using two = OwnedHandle.fromFd(fd);
      expect(second.fd).toBe(-1);
      await second.close();
      expect(readRaw(one.raw, 3) + readRaw(two.raw, 3)).toBe("abcabc");
      expect(() => duplicate(fd)).toThrow(closed);
      expect(() => duplicate(second)).toThrow(closed);
      await first.close();
    });

    test("copyFileHandle() copies it, with other rights and flags, and closes it", () =>
      withFile("0123456789", async (file) => {
        await using copy = await copyFileHandle(file, CopyFlags.ReadOnly);
        expect(text((await copy.read(Buffer.alloc(3))).buffer)).toBe("012");
        await expect(copy.write("x")).rejects.toThrow();
        expect(await file.readFile("utf8")).toBe("3456789");
        await using last = await copyFileHandle(file, CopyFlags.CloseSource);
        expect(file.fd).toBe(-1);
        expect((await last.stat()).size).toBe(10);
      }));

    test("a duplicate lives on after the file is closed", async () => {
      using folder = temporaryFile("abc");
      const file = ourFile(openRaw(folder.path, "r"));
      await using copy = ourFile(duplicate(file));
      await file.close();
      expect(await copy.readFile("utf8")).toBe("abc");
    });
  });
});
