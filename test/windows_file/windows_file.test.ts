import * as fs from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { copyFileHandle, CopyFlags, duplicate, OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import type { Calls } from "../../ffi/backend/types.ts";
import { loadLibrary } from "../../ffi/backend/library.ts";
import { wideString } from "../../ffi/backend/scratch.ts";
import { lookupFd } from "../../src/windows_file/fd_table.ts";
import { denied } from "../support/matchers.ts";
import { openHandles } from "../support/open_handles.ts";
import {
  closeRaw,
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
  writeRaw,
} from "../support/system.ts";

const closed = expect.objectContaining({ name: "HandleError", code: "EBADF" });
const wrongType = expect.objectContaining({ name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
const outOfRange = expect.objectContaining({ name: "RangeError", code: "ERR_OUT_OF_RANGE" });

/** A file with this content, opened, and closed and removed in the end. */
async function withFile<Result>(
  content: string,
  use: (file: FileHandle, path: string) => Promise<Result>,
  mode: "r" | "w" | "r+" = "r+",
): Promise<Result> {
  using folder = temporaryFile(content);
  await using file = await openRaw(folder.path, mode).toFileHandle();
  return await use(file, folder.path);
}

async function ends(): Promise<{ reader: FileHandle; writer: FileHandle }> {
  const { reader, writer } = pipeRaw();
  return { reader: await reader.toFileHandle(), writer: await writer.toFileHandle() };
}

function content(path: string): string {
  return fs.readFileSync(path, "utf8");
}

const text = (bytes: NodeJS.ArrayBufferView) =>
  new TextDecoder().decode(
    new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength),
  );

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  test("is made by toFileHandle(), and has every method of the runtime's own FileHandle", () =>
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

    test("reads nothing where nothing is asked for", () =>
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
      const plain = await openRaw(file.path, "r+").toFileHandle();
      await plain.appendFile("ab");
      await plain.close();
      expect(content(file.path)).toBe("ab23");
      const access = win32.FILE_APPEND_DATA | 0x0010_0000; // and SYNCHRONIZE
      const raw = win32.CreateFileW(file.path, access, 7, null, win32.OPEN_EXISTING, 0x80, 0);
      const append = await OwnedHandle.fromRaw(raw).toFileHandle();
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
      await using file = await openRaw(name, "r+").toFileHandle();
      await file.writeFile(bytes);
      expect((await file.stat()).size).toBe(bytes.length);
      expect((await file.read(Buffer.alloc(1))).bytesRead).toBe(0);
      const back = Buffer.alloc(bytes.length);
      expect((await file.read(back, 0, back.length, 0)).bytesRead).toBe(back.length);
      expect(sum(back)).toBe(sum(bytes));
      expect((await file.write(bytes, 0, bytes.length, 1)).bytesWritten).toBe(bytes.length);
      const reader = await openRaw(name, "r").toFileHandle();
      const whole = await reader.readFile();
      await reader.close();
      expect(whole.length).toBe(bytes.length + 1);
      expect(sum(whole.subarray(1))).toBe(sum(bytes));
    });
  });

  describe("the position", () => {
    test("is shared with other handles of the same open file", async () => {
      using file = temporaryFile("0123456789");
      using raw = openRaw(file.path, "r+");
      await using first = await duplicate(raw).toFileHandle();
      await using second = await duplicate(raw).toFileHandle();
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

  describe("stat() and what changes it", () => {
    test("tells what the runtime's own stat tells", () =>
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

    test("tells it in bigints", () =>
      withFile("abcdef", async (file) => {
        const stats = await file.stat({ bigint: true });
        const { mtimeMs } = await file.stat();
        expect(stats.size).toBe(6n);
        expect(stats.mtimeNs / 1_000_000n).toBe(stats.mtimeMs);
        expect(Number(stats.mtimeMs)).toBe(Math.floor(mtimeMs));
        expect([stats.isFile(), stats.isDirectory()]).toEqual([true, false]);
        expect(stats.mtime).toBeInstanceOf(Date);
      }));

    test("tells pipes and devices from files", async () => {
      const { reader, writer } = await ends();
      const pipe = await reader.stat();
      // On Windows the runtimes' isFIFO() says no to everything.
      expect([pipe.mode & 0o170_000, pipe.isFile(), pipe.size]).toEqual([0o010_000, false, 0]);
      await reader.close();
      await writer.close();
      const device = await openRaw("\\\\.\\NUL", "r").toFileHandle();
      const nul = await device.stat();
      expect([nul.isCharacterDevice(), nul.isFile()]).toEqual([true, false]);
      expect(await device.readFile("utf8")).toBe("");
      await device.close();
    });

    test("tells folders from files", async () => {
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
      await using file = await OwnedHandle.fromRaw(raw).toFileHandle();
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
        // Not the access time: under Wine 10 it is that of the last look.
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

  describe("pipes", () => {
    test("give what is there, then the end", async () => {
      const { reader, writer } = await ends();
      await writer.write("hello");
      expect((await reader.read(Buffer.alloc(100))).bytesRead).toBe(5);
      // An offset means nothing to a pipe.
      await writer.write("abc");
      expect((await reader.read(Buffer.alloc(2), 0, 2, 7)).bytesRead).toBe(2);
      await writer.writeFile("rest");
      await writer.close();
      expect(await reader.readFile("utf8")).toBe("crest");
      expect((await reader.read()).bytesRead).toBe(0);
      await reader.close();
    });

    test("do not stop the timers while they are empty", async () => {
      const { reader, writer } = await ends();
      let ticks = 0;
      const timer = setInterval(() => ticks++, 10);
      const reading = reader.read(Buffer.alloc(5));
      await sleep(300);
      expect(ticks).toBeGreaterThan(2);
      await writer.write("hello");
      expect((await reading).buffer.toString()).toBe("hello");
      clearInterval(timer);
      await reader.close();
      await writer.close();
    });

    test("do not stop the timers while they are full", async () => {
      const { reader, writer } = await ends();
      const bytes = Buffer.alloc(1 << 20, "x");
      let done = false;
      const writing = writer.writeFile(bytes).then(() => done = true);
      await sleep(200);
      expect(done).toBe(false);
      let read = 0;
      while (read < bytes.length) read += (await reader.read(Buffer.alloc(1 << 16))).bytesRead;
      await writing;
      await reader.close();
      await writer.close();
    });

    test("many wait at once, and none keeps another one from going on", async () => {
      const pairs = await Promise.all(Array.from({ length: 40 }, ends));
      const reading = pairs.map(({ reader }) => reader.read(Buffer.alloc(8)));
      for (const [at, { writer }] of [...pairs.entries()].reverse()) await writer.write(`no ${at}`);
      const texts = (await Promise.all(reading)).map(({ bytesRead, buffer }) =>
        buffer.toString("utf8", 0, bytesRead)
      );
      expect(texts).toEqual(pairs.map((_, at) => `no ${at}`));
      for (const { reader, writer } of pairs) {
        await reader.close();
        await writer.close();
      }
    });

    test("a reader that is gone is EPIPE", async () => {
      const { reader, writer } = await ends();
      await reader.close();
      await expect(writer.write("x")).rejects.toMatchObject({
        code: "EPIPE",
        status: "ERROR_BROKEN_PIPE",
        syscall: "NtWriteFile",
      });
      await writer.close();
    });

    test("close() waits for the read that is under way, and nothing new begins", async () => {
      const { reader, writer } = await ends();
      const reading = reader.read(Buffer.alloc(5));
      await sleep(50);
      let done = false;
      const closing = reader.close().then(() => done = true);
      await expect(reader.read()).rejects.toEqual(closed);
      await sleep(100);
      expect(done).toBe(false);
      await writer.write("hello");
      expect((await reading).bytesRead).toBe(5);
      await closing;
      await writer.close();
    });

    test("overlapped handles give their results later", async () => {
      const { server, client } = overlappedPipe();
      await using reader = await server.toFileHandle();
      await using writer = await client.toFileHandle();
      const reading = reader.read(Buffer.alloc(5));
      await sleep(150);
      await writer.write("hello");
      expect((await reading).buffer.toString()).toBe("hello");
      await writer.write("again");
      expect((await reader.read(Buffer.alloc(9))).bytesRead).toBe(5);
    });

    test("overlapped files are read and written at offsets", async () => {
      using file = temporaryFile("0123456789");
      const access = (win32.GENERIC_READ | win32.GENERIC_WRITE) >>> 0;
      const raw = win32.CreateFileW(file.path, access, 7, null, 3, FILE_FLAG_OVERLAPPED, 0);
      await using overlapped = await OwnedHandle.fromRaw(raw).toFileHandle();
      expect((await overlapped.read(Buffer.alloc(4), 0, 4, 3)).buffer.toString()).toBe("3456");
      await overlapped.write("xy", 8);
      expect(content(file.path)).toBe("01234567xy");
    });
  });

  describe("streams", () => {
    test("createReadStream() gives a part, in chunks, and closes the file", async () => {
      using folder = temporaryFile("0123456789");
      const file = await openRaw(folder.path, "r").toFileHandle();
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

    test("createReadStream() goes on at the position, and autoClose: false leaves the file open", () =>
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
      const file = await openRaw(folder.path, "r+").toFileHandle();
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

      const other = await openRaw(folder.path, "r+").toFileHandle();
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
      const source = await openRaw(from.path, "r").toFileHandle();
      const target = await openRaw(to.path, "w").toFileHandle();
      await pipeline(source.createReadStream(), target.createWriteStream());
      expect(fs.readFileSync(to.path).equals(bytes)).toBe(true);
      expect([source.fd, target.fd]).toEqual([-1, -1]);
    });

    test("closing the file ends its streams, after what they still write", async () => {
      using folder = temporaryFile("");
      const file = await openRaw(folder.path, "r+").toFileHandle();
      const stream = file.createWriteStream();
      stream.write("a");
      stream.write("b");
      await file.close();
      expect(stream.destroyed).toBe(true);
      expect(content(folder.path)).toBe("ab");
    });

    test("a destroyed stream closes the file", async () => {
      using folder = temporaryFile("abc");
      const file = await openRaw(folder.path, "r").toFileHandle();
      const stream = file.createReadStream();
      const ended = once(stream, "close");
      stream.destroy();
      await ended;
      expect(file.fd).toBe(-1);
    });

    test("an error of the system is the stream's", async () => {
      using folder = temporaryFile("abc");
      const file = await openRaw(folder.path, "w").toFileHandle();
      const stream = file.createReadStream();
      await expect(stream.toArray()).rejects.toEqual(denied);
      await file.close();
    });

    test("readLines() gives the lines", async () => {
      using folder = temporaryFile("one\r\ntwo\n\nfour");
      const file = await openRaw(folder.path, "r").toFileHandle();
      const lines: string[] = [];
      for await (const line of file.readLines()) lines.push(line);
      expect(lines).toEqual(["one", "two", "", "four"]);
      await file.close();
    });

    test("readableWebStream() gives bytes, once, and closes the file when told so", async () => {
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
      const file = await openRaw(folder.path, "r").toFileHandle();
      const stream = file.readableWebStream({ autoClose: true } as object);
      expect(await new Response(stream as never).text()).toBe("abc");
      expect(file.fd).toBe(-1);
      await file.close();
    });

    test("readableWebStream() ends with the file, and with its reader", async () => {
      using folder = temporaryFile("abcdef");
      const first = await openRaw(folder.path, "r").toFileHandle();
      const reader = first.readableWebStream().getReader();
      expect(text((await reader.read()).value as Uint8Array)).toBe("abcdef");
      await first.close();
      expect((await reader.read()).done).toBe(true);
      const second = await openRaw(folder.path, "r").toFileHandle();
      await second.readableWebStream().cancel();
      expect((await second.stat()).size).toBe(6);
      await second.close();
      const third = await openRaw(folder.path, "w").toFileHandle();
      await expect(third.readableWebStream().getReader().read()).rejects.toEqual(denied);
      await third.close();
    });
  });

  describe("close()", () => {
    test("closes once, says so, and a second call resolves", async () => {
      using folder = temporaryFile("abc");
      const before = openHandles().length;
      const file = await openRaw(folder.path, "r").toFileHandle();
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
        await using file = await openRaw(folder.path, "r").toFileHandle();
        kept = file;
      }
      expect(kept.fd).toBe(-1);
    });

    test("whatever comes after rejects with EBADF", async () => {
      using folder = temporaryFile("abc");
      const file = await openRaw(folder.path, "r+").toFileHandle();
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

    test("a handle that somebody else closed is EBADF", async () => {
      using folder = temporaryFile("abc");
      const owned = openRaw(folder.path, "r");
      const { raw } = owned;
      const file = await owned.toFileHandle();
      closeRaw(raw);
      await expect(file.read()).rejects.toEqual(closed);
      await expect(file.close()).rejects.toMatchObject({ code: "EBADF", syscall: "NtClose" });
      await file.close();
    });

    test("1,000 files opened, used and closed leave nothing", async () => {
      using folder = temporaryFile("abc");
      const before = openHandles().length;
      for (let count = 0; count < 1000; count += 20) {
        await Promise.all(Array.from({ length: 20 }, async () => {
          await using file = await openRaw(folder.path, "r").toFileHandle();
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
        // Windows says EACCES; Wine 10 says that the argument is invalid.
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
    test("toFileHandle() keeps whether children inherit the handle", async () => {
      using file = temporaryFile("abc");
      for (const inheritable of [true, false]) {
        const owned = openRaw(file.path, "r");
        const { raw } = owned;
        owned.inheritable = inheritable;
        await using copy = await owned.toFileHandle();
        expect(win32.GetHandleInformation(raw)).toBe(inheritable ? 1 : 0);
        expect((await copy.stat()).size).toBe(3);
      }
    });

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
      const first = await openRaw(folder.path, "r").toFileHandle();
      using one = duplicate(first, { closeSource: true });
      expect(first.fd).toBe(-1);
      const second = await openRaw(folder.path, "r").toFileHandle();
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
        await using copy = await copyFileHandle(file, CopyFlags.ReadOnly | CopyFlags.Inherit);
        await using again = await copyFileHandle(copy.fd);
        expect(text((await copy.read(Buffer.alloc(3))).buffer)).toBe("012");
        expect(await file.readFile("utf8")).toBe("3456789");
        await expect(copy.write("x")).rejects.toEqual(denied);
        expect([copy, again].map(({ fd }) => win32.GetHandleInformation(lookupFd(fd)!.raw)))
          .toEqual([win32.HANDLE_FLAG_INHERIT, 0]);
        await using last = await copyFileHandle(again, CopyFlags.CloseSource);
        expect(again.fd).toBe(-1);
        expect((await last.stat()).size).toBe(10);
      }));

    test("a duplicate lives on after the file is closed", async () => {
      using folder = temporaryFile("abc");
      const file = await openRaw(folder.path, "r").toFileHandle();
      await using copy = await duplicate(file).toFileHandle();
      await file.close();
      expect(await copy.readFile("utf8")).toBe("abc");
    });
  });
});

const FILE_FLAG_OVERLAPPED = 0x4000_0000;

const pipes = {
  // HANDLE CreateNamedPipeW(LPCWSTR lpName, DWORD dwOpenMode, DWORD dwPipeMode,
  //   DWORD nMaxInstances, DWORD nOutBufferSize, DWORD nInBufferSize, DWORD nDefaultTimeOut,
  //   LPSECURITY_ATTRIBUTES lpSecurityAttributes);
  CreateNamedPipeW: {
    parameters: ["address", "u32", "u32", "u32", "u32", "u32", "u32", "address"],
    result: "handle",
  },
} as const;

let loadedPipes: Calls<typeof pipes> | undefined;

/** Both ends of a pipe whose reads and writes do not wait. */
function overlappedPipe(): { server: OwnedHandle; client: OwnedHandle } {
  loadedPipes ??= loadLibrary(["kernel32.dll"], pipes);
  const name = `\\\\.\\pipe\\duphandle-${process.pid}-${Date.now()}`;
  const PIPE_ACCESS_DUPLEX = 3;
  const mode = (PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED) >>> 0;
  const server = loadedPipes.CreateNamedPipeW(
    wideString(name, "name"),
    mode,
    ...[0, 1, 4096, 4096, 0, 0] as const,
  );
  const access = (win32.GENERIC_READ | win32.GENERIC_WRITE) >>> 0;
  const client = win32.CreateFileW(name, access, 0, null, 3, FILE_FLAG_OVERLAPPED, 0);
  return { server: OwnedHandle.fromRaw(server), client: OwnedHandle.fromRaw(client) };
}
