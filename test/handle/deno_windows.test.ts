/** Deno for Windows: what it opened as a source, and its own files on the objects of our handles. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { open } from "node:fs/promises";
import {
  copyFileHandle,
  copyFileHandleSync,
  duplicate,
  inspectHandle,
  isSameObject,
  OwnedHandle,
} from "duphandle";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { type FsFile, fsFileFrom, isFsFile, rawOfFsFile } from "../../src/handle/deno_file.ts";
import { unsupported } from "../support/matchers.ts";
import { openHandles } from "../support/open_handles.ts";
import { runProgram } from "../support/program.ts";
import { isLong, rounds } from "../support/rounds.ts";
import {
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

/** What the tests use of a `Deno.FsFile`, for type checkers that do not know Deno. */
interface File extends Disposable {
  readSync(bytes: Uint8Array): number | null;
  writeSync(bytes: Uint8Array): number;
  seekSync(offset: number, whence: number): number;
  close(): void;
}

const deno = (globalThis as unknown as {
  Deno: {
    FsFile: new () => File;
    openSync(path: string, options?: object): File;
    readTextFile(path: string): Promise<string>;
  };
}).Deno;

const source = (file: File): FsFile => file as unknown as FsFile;
const made = (raw: number, inheritable?: boolean): File =>
  fsFileFrom(raw, inheritable) as unknown as File;

function readFrom(file: number | File, bytes: number): string {
  const buffer = new Uint8Array(bytes);
  const count = typeof file === "number"
    ? fs.readSync(file, buffer, 0, bytes, null)
    : file.readSync(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, count));
}

describe.runIf(isDeno && isWindows)("Deno for Windows (no other runtime hides its handles)", () => {
  describe("makes of a handle", () => {
    test("a descriptor of node:fs, which shares the position and closes what it has", () => {
      using folder = temporaryFile("0123456789");
      using owner = openRaw(folder.path, "r+");
      const before = openHandles().length;
      const fd = owner.duplicate().toFd();
      // All handles of the descriptor are to the object, not only the one that these calls use.
      const own = openHandles().length - before;
      expect([own > 0, win32.NtQueryObject(owner.raw).HandleCount]).toEqual([true, 1 + own]);
      expect(readRaw(owner.raw, 2) + readFrom(fd, 2) + readRaw(owner.raw, 1)).toBe("01234");
      fs.writeSync(fd, "x");
      fs.ftruncateSync(fd, 8);
      expect([positionOf(owner.raw), fs.fstatSync(fd).size]).toEqual([6, 8]);
      expect(fs.readFileSync(fd, "utf8")).toBe("67");
      fs.closeSync(fd);
      expect(openHandles()).toHaveLength(before);
      expect(fs.readFileSync(folder.path, "utf8")).toBe("01234x67");
    });

    test("a FileHandle of Deno's own, with streams, also as a source", async () => {
      using folder = temporaryFile("one\ntwo\nthree\n");
      using owner = openRaw(folder.path, "r");
      const own = await open(folder.path);
      const file = await copyFileHandle(owner);
      expect(file.constructor).toBe(own.constructor);
      await own.close();
      expect(fs.fstatSync(file.fd).size).toBe(14);
      const [line] = [readRaw(owner.raw, 4)];
      const second = await copyFileHandle(file);
      let rest = "";
      for await (const chunk of file.createReadStream({ encoding: "utf8" })) rest += chunk;
      expect([line, rest, (await second.read(Buffer.alloc(1))).bytesRead]).toEqual([
        "one\n",
        "two\nthree\n",
        0,
      ]);
      await second.close();
    });

    test("a Deno.FsFile, and finds that one again", () => {
      using folder = temporaryFile("0123456789");
      using owner = openRaw(folder.path, "r+");
      for (const inheritable of [false, true]) {
        using file = made(owner.duplicate().release(), inheritable);
        expect(isFsFile(file)).toBe(true);
        expect(win32.GetHandleInformation(rawOfFsFile(source(file)))).toBe(inheritable ? 1 : 0);
        file.seekSync(4, 0);
        expect(readRaw(owner.raw, 2) + readFrom(file, 2)).toBe("4567");
        file.writeSync(new TextEncoder().encode("x"));
        using copy = duplicate(source(file));
        expect(isSameObject(copy, owner)).toBe(true);
      }
      expect(fs.readFileSync(folder.path, "utf8")).toBe("01234567x9");
    });

    test("a descriptor of a pipe and of the null device", () => {
      const { reader, writer } = pipeRaw();
      const [from, to] = [reader, writer].map((end) => end.toFd({ mayBlock: true }));
      fs.writeSync(to!, "through");
      expect(readFrom(from!, 16)).toBe("through");
      fs.closeSync(to!);
      expect(readFrom(from!, 16)).toBe("");
      fs.closeSync(from!);
      const nul = openRaw("\\\\.\\NUL", "r+").toFd();
      expect(fs.writeSync(nul, "gone")).toBe(4);
      expect(readFrom(nul, 4)).toBe("");
      fs.closeSync(nul);
    });

    test("nothing where it has no file, and the handle is closed", () => {
      const event = OwnedHandle.fromRaw(win32.CreateEventW(null, true, false, null));
      expect(() => event.toFd()).toThrow(unsupported);
      expect(event.closed).toBe(true);
      using folder = temporaryFile("abc");
      const overlapped = 0x4000_0000;
      const raw = win32.CreateFileW(folder.path, win32.GENERIC_READ, 7, null, 3, overlapped, 0);
      using file = OwnedHandle.fromRaw(raw);
      expect(() => copyFileHandleSync(file)).toThrow(/overlapped; use toFileHandle\(\)/);
      expect(inspectHandle(file).kind).toBe("file");
    });
  });

  describe("has as a source", () => {
    test("a descriptor, a FileHandle and a Deno.FsFile, told apart by their positions", async () => {
      using folder = temporaryFile("0123456789");
      const fds = [3, 5, 5, 5].map((position) => {
        const fd = fs.openSync(folder.path, "r+");
        readFrom(fd, position);
        return fd;
      });
      const handle = await open(folder.path);
      const files = [0, 5, 5].map((position) => {
        const file = deno.openSync(folder.path);
        file.seekSync(position, 0);
        return file;
      });
      for (const fd of fds) {
        using copy = duplicate(fd);
        const position = positionOf(copy.raw);
        expect(readRaw(copy.raw, 1)).toBe(String(position));
        expect(readFrom(fd, 1)).toBe(String(position + 1));
      }
      using ofHandle = duplicate(handle);
      expect([positionOf(ofHandle.raw), (await handle.readFile("utf8")).length]).toEqual([0, 10]);
      expect(positionOf(ofHandle.raw)).toBe(10);
      for (const file of files) {
        using copy = duplicate(source(file));
        const position = positionOf(copy.raw);
        expect(readRaw(copy.raw, 1) + readFrom(file, 1)).toBe(`${position}${position + 1}`);
      }
      for (const fd of fds) fs.closeSync(fd);
      for (const file of files) file.close();
      await handle.close();
    });

    test("one that cannot be told from another is refused, and nothing is moved", () => {
      using folder = temporaryFile("");
      const fds = [1, 2].map(() => fs.openSync(folder.path, "w"));
      expect(() => duplicate(fds[0]!)).toThrow(unsupported);
      expect(() => duplicate(fds[0]!)).toThrow(/cannot be told apart; .* OwnedHandle\.fromRaw/);
      const reader = fs.openSync(folder.path, "r");
      using copy = duplicate(reader);
      fs.writeSync(fds[1]!, "abc");
      expect(readRaw(copy.raw, 3)).toBe("abc");
      for (const fd of [...fds, reader]) fs.closeSync(fd);
    });

    test("one that is closed is EBADF, and fromFd() takes one out of its descriptor", () => {
      using folder = temporaryFile("abc");
      const fd = fs.openSync(folder.path, "r+");
      using owned = OwnedHandle.fromFd(fd);
      expect(() => duplicate(fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
      writeRaw(owned.raw, "x");
      const file = deno.openSync(folder.path);
      file.close();
      expect(() => duplicate(source(file))).toThrow(expect.objectContaining({ code: "EBADF" }));
      expect(() => duplicate(Object.create(deno.FsFile.prototype) as FsFile)).toThrow(TypeError);
    });

    test("no pipe, which has nothing to find it by", () => {
      const { reader, writer } = pipeRaw();
      const fd = reader.toFd({ mayBlock: true });
      expect(() => duplicate(fd)).toThrow(expect.objectContaining({ name: "HandleError" }));
      fs.closeSync(fd);
      writer.close();
    });
  });

  test("adoptions by the thousand leave nothing, while other threads open files", async () => {
    using folder = temporaryFile("0123456789");
    using other = temporaryFile("other");
    using owner = openRaw(folder.path, "r");
    fs.closeSync(copyFileHandleSync(owner));
    const before = openHandles().length;
    let running = true;
    const loops = Array.from({ length: 4 }, async () => {
      while (running) expect(await deno.readTextFile(other.path)).toBe("other");
    });
    for (let count = 0; count < (isLong ? 10_000 : 500); count++) {
      if (count % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      win32.SetFilePointerEx(owner.raw, count % 10, 0);
      const fd = copyFileHandleSync(owner);
      expect(readFrom(fd, 1)).toBe(String(count % 10));
      fs.closeSync(fd);
    }
    running = false;
    await Promise.all(loops);
    expect(openHandles()).toHaveLength(before);
  });

  test("threads that adopt at once neither lose nor close what another one has", () => {
    using folder = temporaryFile("0123456789");
    const args = [folder.path, `${rounds(400, 120)}`];
    const { result } = runProgram("handle/deno_windows_workers.ts", { args });
    expect(result).toEqual({ wrong: [], grown: 0 });
  });

  test("without the permission for the placeholder, a file of ours serves", () => {
    using folder = temporaryFolder();
    const file = path.join(folder.path, "file.txt");
    fs.writeFileSync(file, "abc");
    const basic = ["--allow-ffi", "--allow-env", "--allow-write"];
    const run = (...read: string[]) =>
      runProgram("handle/deno_windows_permission.ts", {
        permissions: [...basic, `--allow-read=${[...read, os.tmpdir()].join()}`],
        args: [file],
      }).result;
    const refused = { code: "EACCES", syscall: "open", cause: "NotCapable" };
    expect(run()).toMatchObject({ refused, isOwn: false, text: "abc", left: 0 });
    const result = run("C:\\windows\\system32\\ntdll.dll") as Record<string, unknown>;
    expect(result).toEqual({ isOwn: true, text: "abc", left: 0 });
  });
});
