/** stat(), truncate(), utimes(), chmod() and sync() of a file in Deno for Windows. */
import * as fs from "node:fs";
import { OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { isDeno, isWindows, openRaw, temporaryFolder } from "../support/system.ts";
import {
  content,
  ourFile,
  outOfRange,
  pipeEnds,
  withFile,
  wrongType,
} from "../support/windows_file.ts";

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  describe("stat() and what changes it", () => {
    test("gives what the runtime's own stat gives", () =>
      withFile("abcdef", async (file, path) => {
        const stats = await file.stat();
        const own = fs.statSync(path);
        expect(stats).toBeInstanceOf(fs.Stats);
        expect([stats.isFile(), stats.isDirectory(), stats.isFIFO()]).toEqual([true, false, false]);
        expect([stats.isSymbolicLink(), stats.isSocket()]).toEqual([false, false]);
        expect([stats.size, stats.nlink, stats.mode & 0o170_000]).toEqual([6, 1, 0o100_000]);
        expect(stats.mode & 0o777).toBe(0o666);
        expect(Math.abs(stats.mtimeMs - own.mtimeMs)).toBeLessThan(2);
        expect(stats.mtime).toEqual(new Date(Math.round(stats.mtimeMs)));
        expect(Math.abs(stats.birthtimeMs - Date.now())).toBeLessThan(3_600_000);
        expect(stats.ino).toBe(own.ino);
        const missing = Object.keys(own).filter((name) => !(name in stats));
        expect(missing).toEqual([]);
        expect(stats.dev).toBeGreaterThanOrEqual(0);
      }));

    test("gives bigints", () =>
      withFile("abcdef", async (file) => {
        const stats = await file.stat({ bigint: true });
        const { mtimeMs } = await file.stat();
        expect(stats.size).toBe(6n);
        expect(stats.mtimeNs / 1_000_000n).toBe(stats.mtimeMs);
        expect(Number(stats.mtimeMs)).toBe(Math.floor(mtimeMs));
        expect([stats.isFile(), stats.isDirectory()]).toEqual([true, false]);
        expect(stats.mtime).toBeInstanceOf(Date);
      }));

    test("distinguishes pipes and devices from files", async () => {
      const { reader, writer } = await pipeEnds();
      const pipe = await reader.stat();
      // On Windows the runtimes' isFIFO() is always false.
      expect([pipe.mode & 0o170_000, pipe.isFile(), pipe.size]).toEqual([0o010_000, false, 0]);
      await reader.close();
      await writer.close();
      const device = ourFile(openRaw("\\\\.\\NUL", "r"));
      const nul = await device.stat();
      expect([nul.isCharacterDevice(), nul.isFile()]).toEqual([true, false]);
      expect(await device.readFile("utf8")).toBe("");
      await device.close();
    });

    test("distinguishes folders from files", async () => {
      using folder = temporaryFolder();
      const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;
      const raw = win32.CreateFileW(
        folder.path,
        win32.GENERIC_READ,
        7,
        null,
        win32.OPEN_EXISTING,
        FILE_FLAG_BACKUP_SEMANTICS,
        0,
      );
      await using file = ourFile(OwnedHandle.fromRaw(raw));
      expect((await file.stat()).isDirectory()).toBe(true);
    });

    test("truncate() cuts and lengthens, and leaves the position", () =>
      withFile("0123456789", async (file, path) => {
        await file.read(Buffer.alloc(3));
        await file.truncate(5);
        expect(content(path)).toBe("01234");
        await file.truncate(7);
        expect(content(path)).toBe("01234\0\0");
        expect(await file.readFile("utf8")).toBe("34\0\0");
        await file.truncate(-3);
        expect(content(path)).toBe("");
        await file.truncate();
        await expect(file.truncate("3" as never)).rejects.toEqual(wrongType);
        await expect(file.truncate(0.5)).rejects.toEqual(outOfRange);
      }));

    test("utimes() sets the times", () =>
      withFile("abc", async (file) => {
        await file.utimes(1_000_000_000, new Date("2020-02-02T02:02:02.500Z"));
        const stats = await file.stat();
        // Not the access time: Wine 10 sets it when the file is examined.
        expect(stats.mtime.toISOString()).toBe("2020-02-02T02:02:02.500Z");
        await file.utimes("86400", 0.25);
        expect((await file.stat()).mtimeMs).toBe(250);
        await expect(file.utimes(NaN, 0)).rejects.toEqual(wrongType);
      }));

    test("chmod() makes the file read-only and writable again", () =>
      withFile("abc", async (file, path) => {
        await file.chmod(0o444);
        expect((await file.stat()).mode & 0o777).toBe(0o444);
        await file.chmod("644");
        expect((await file.stat()).mode & 0o777).toBe(0o666);
        fs.writeFileSync(path, "x");
        await expect(file.chmod("rw" as never)).rejects.toEqual(wrongType);
        await file.chown(0, 0);
      }));

    test("sync() and datasync() write out what the system keeps", () =>
      withFile("abc", async (file) => {
        await file.write("x");
        await file.sync();
        await file.datasync();
      }));
  });
});
