/** Pipes, and overlapped handles, as files in Deno for Windows. */
import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { copyFileHandleSync, OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import type { Calls } from "../../ffi/backend/types.ts";
import { loadLibrary } from "../../ffi/backend/mod.ts";
import { wideString } from "../../ffi/backend/scratch.ts";
import { unsupported } from "../support/matchers.ts";
import { isDeno, isWindows, pipeRaw, temporaryFile, writeRaw } from "../support/system.ts";
import { closed, content, pipeEnds } from "../support/windows_file.ts";

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

/** Both ends of a pipe whose handles are overlapped. */
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

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  describe("pipes", () => {
    test("give what is there, then the end", async () => {
      const { reader, writer } = await pipeEnds();
      await writer.write("hello");
      expect((await reader.read(Buffer.alloc(100))).bytesRead).toBe(5);
      // A pipe ignores the offset.
      await writer.write("abc");
      expect((await reader.read(Buffer.alloc(2), 0, 2, 7)).bytesRead).toBe(2);
      await writer.writeFile("rest");
      await writer.close();
      expect(await reader.readFile("utf8")).toBe("crest");
      expect((await reader.read()).bytesRead).toBe(0);
      await reader.close();
    });

    test("do not stop the timers while they are empty", async () => {
      const { reader, writer } = await pipeEnds();
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
      const { reader, writer } = await pipeEnds();
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
      const pairs = await Promise.all(Array.from({ length: 40 }, pipeEnds));
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
      const { reader, writer } = await pipeEnds();
      await reader.close();
      await expect(writer.write("x")).rejects.toMatchObject({
        code: "EPIPE",
        status: "ERROR_BROKEN_PIPE",
        syscall: "NtWriteFile",
      });
      await writer.close();
    });

    test("close() waits for the read that is under way, and nothing new begins", async () => {
      const { reader, writer } = await pipeEnds();
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

    test("overlapped handles make no descriptor, whose reads would end the process", () => {
      const { server, client } = overlappedPipe();
      for (const use of [() => copyFileHandleSync(server), () => client.duplicate().toFd()]) {
        expect(use).toThrow(unsupported);
        expect(use).toThrow(/overlapped; use toFileHandle\(\)/);
      }
      for (const end of [server, client]) end.close();
    });

    test("one that another thread reads makes no descriptor, since a query would wait", async () => {
      const { reader, writer } = pipeRaw();
      const file = await reader.duplicate().toFileHandle();
      const reading = file.read(Buffer.alloc(1));
      await sleep(100);
      expect(() => copyFileHandleSync(reader)).toThrow(expect.objectContaining({ code: "EBUSY" }));
      writeRaw(writer.raw, "x");
      expect((await reading).bytesRead).toBe(1);
      closeSync(copyFileHandleSync(reader));
      await file.close();
      for (const end of [reader, writer]) end.close();
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
});
