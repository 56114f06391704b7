import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import {
  borrow,
  copyFileHandle,
  copyFileHandleSync,
  CopyFlags,
  duplicate,
  type FsFile,
  OwnedHandle,
} from "duphandle";
import { GENERIC_READ, NtQueryObject } from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { handleOfFd } from "../../ffi/win32/osfhandle.ts";
import { unsupported } from "../support/matchers.ts";
import { openHandles } from "../support/open_handles.ts";
import { runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import {
  fdsAreSources,
  isDeno,
  isWindows,
  openRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
} from "../support/system.ts";

/** Deno for Windows can make no descriptor of a HANDLE: its copies are objects of our own. */
const adoptsFds = !(isDeno && isWindows);
const lacksRight = expect.objectContaining({
  code: expect.stringMatching(/^(EBADF|EACCES|EPERM)$/),
});
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A copy of a file opened by the system, whose original is closed. */
async function copyOf(path: string, mode: "r" | "w" | "r+", flags?: number): Promise<FileHandle> {
  using source = openRaw(path, mode);
  return await copyFileHandle(source, flags);
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += typeof chunk === "string" ? chunk : decode(chunk);
  return text;
}

describe("copyFileHandle()", () => {
  test("gives a file that stays open when the source is closed, and shares its position", async () => {
    using file = temporaryFile("abcdefgh");
    const source = openRaw(file.path, "r");
    const copy = await copyFileHandle(source);
    expect(readRaw(source.raw, 2)).toBe("ab");
    expect(decode((await copy.read(new Uint8Array(2), 0, 2, null)).buffer)).toBe("cd");
    expect(positionOf(source.raw)).toBe(4);
    source.close();
    expect(await copy.readFile("utf8")).toBe("efgh");
    await copy.close();
  });

  test("reads and writes by position and in sequence", async () => {
    using file = temporaryFile("abcdefgh");
    const copy = await copyOf(file.path, "r+");
    const buffer = new Uint8Array(3);
    expect(await copy.read(buffer, 0, 3, 4)).toMatchObject({ bytesRead: 3 });
    expect(decode(buffer)).toBe("efg");
    expect((await copy.read({ buffer, position: null })).bytesRead).toBe(3);
    expect(decode(buffer)).toBe("abc");
    expect((await copy.write("XY", 6)).bytesWritten).toBe(2);
    expect((await copy.write(new TextEncoder().encode("Z"))).bytesWritten).toBe(1);
    await copy.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcZefXY");
  });

  test("has stat, truncate, sync, appendFile and writeFile", async () => {
    using file = temporaryFile("abcdefgh");
    const copy = await copyOf(file.path, "r+");
    const stat = await copy.stat();
    expect([stat.size, stat.isFile(), stat.isDirectory()]).toEqual([8, true, false]);
    await copy.truncate(2);
    expect((await copy.stat()).size).toBe(2);
    await copy.writeFile("123");
    await copy.sync();
    await copy.datasync();
    expect(fs.readFileSync(file.path, "utf8")).toBe("123");
    await copy.appendFile("45");
    await copy.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("12345");
  });

  test("has streams, lines and web streams", async () => {
    using file = temporaryFile("one\ntwo\nthree\n");
    const forStream = await copyOf(file.path, "r");
    expect(await readAll(forStream.createReadStream({ encoding: "utf8" }))).toBe(
      "one\ntwo\nthree\n",
    );
    const forLines = await copyOf(file.path, "r");
    const lines: string[] = [];
    for await (const line of forLines.readLines()) lines.push(line);
    expect(lines).toEqual(["one", "two", "three"]);
    const forWeb = await copyOf(file.path, "r");
    expect(await readAll(forWeb.readableWebStream() as AsyncIterable<Uint8Array>)).toHaveLength(14);
    await forWeb.close();
    const forWriting = await copyOf(file.path, "r+");
    const writer = forWriting.createWriteStream({ start: 4 });
    await new Promise<void>((resolve, reject) => {
      writer.on("error", reject).on("close", resolve);
      writer.end("TWO");
    });
    expect(fs.readFileSync(file.path, "utf8")).toBe("one\nTWO\nthree\n");
  });

  test("carries 64 MiB without a wrong byte", async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/big`;
    fs.writeFileSync(path, "");
    const block = randomBytes(1 << 20);
    const written = createHash("sha256");
    const target = await copyOf(path, "r+");
    for (let at = 0; at < 64; at++) {
      block.writeUInt32LE(at, 0);
      written.update(block);
      for (let done = 0; done < block.length;) {
        done += (await target.write(block, done, block.length - done)).bytesWritten;
      }
    }
    await target.close();
    const read = createHash("sha256");
    const source = await copyOf(path, "r");
    for await (const chunk of source.createReadStream()) read.update(chunk as Uint8Array);
    expect(fs.statSync(path).size).toBe(64 << 20);
    expect(read.digest("hex")).toBe(written.digest("hex"));
  });

  test("closed twice does what the runtime does for its own", async () => {
    using file = temporaryFile("abc");
    const outcomes: unknown[] = [];
    for (const opened of [await open(file.path), await copyOf(file.path, "r")]) {
      await opened.close();
      outcomes.push(await opened.close().then(() => "nothing", (error) => error.code));
      await expect(opened.stat()).rejects.toThrow(expect.objectContaining({ code: "EBADF" }));
    }
    expect(outcomes[1]).toBe(outcomes[0]);
  });

  test("takes flags and security attributes", async () => {
    using file = temporaryFile("abc");
    const cases = [
      [CopyFlags.ReadOnly, undefined],
      [CopyFlags.SameAccess, { desiredAccess: GENERIC_READ }],
      [CopyFlags.ReadOnly | CopyFlags.CloseOnExec, { inheritHandle: false }],
    ] as const;
    for (const [flags, attributes] of cases) {
      using source = openRaw(file.path, "r+");
      const copy = await copyFileHandle(source, flags, attributes);
      expect(await copy.readFile("utf8")).toBe("abc");
      await expect(copy.write("x")).rejects.toThrow(lacksRight);
      await copy.close();
    }
    const writing = await copyOf(file.path, "r+", CopyFlags.WriteOnly);
    await expect(writing.readFile()).rejects.toThrow(lacksRight);
    await writing.write("xyz");
    await writing.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("xyz");
  });

  test.runIf(adoptsFds)("is inheritable only when requested", () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const outcomes: boolean[] = [];
    for (
      const [flags, attributes] of [
        [0, {}],
        [CopyFlags.Inherit, {}],
        [0, { inheritHandle: true }],
        [CopyFlags.CloseOnExec, { inheritHandle: false }],
      ] as const
    ) {
      const fd = copyFileHandleSync(source, flags, attributes);
      outcomes.push(inheritableFd(fd));
      fs.closeSync(fd);
    }
    expect(outcomes).toEqual([false, true, true, false]);
  });

  test("consumes the source with CloseSource, whatever the outcome", async () => {
    using file = temporaryFile("abc");
    const source = openRaw(file.path, "r");
    const copy = await copyFileHandle(source, CopyFlags.CloseSource);
    expect(source.closed).toBe(true);
    expect(await copy.readFile("utf8")).toBe("abc");
    await copy.close();
    const failing = openRaw(file.path, "r");
    await expect(copyFileHandle(failing, CopyFlags.CloseSource | CopyFlags.WriteOnly))
      .rejects.toThrow(expect.objectContaining({ code: "EACCES" }));
    expect(failing.closed).toBe(true);
    using borrowed = openRaw(file.path, "r");
    await expect(copyFileHandle(borrowed.borrow(), CopyFlags.CloseSource)).rejects.toThrow(
      TypeError,
    );
  });

  test.runIf(fdsAreSources)("closes a source of the runtime through the runtime", async () => {
    using file = temporaryFile("abc");
    const source = await open(file.path);
    const copy = await copyFileHandle(source, CopyFlags.CloseSource);
    expect(source.fd).toBe(-1);
    expect(await copy.readFile("utf8")).toBe("abc");
    await copy.close();
    const fd = fs.openSync(file.path, "r");
    const before = openHandles().length;
    const second = await copyFileHandle(fd, CopyFlags.CloseSource);
    expect(openHandles().length).toBe(before);
    await second.close();
    expect(() => fs.fstatSync(fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  test("takes the options of duplicate() in place of flags", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r+");
    for (const access of ["read", GENERIC_READ] as const) {
      const copy = await copyFileHandle(source, { access });
      await expect(copy.write("x")).rejects.toThrow(lacksRight);
      await copy.close();
    }
    const writing = await copyFileHandle(source, { access: "write" });
    await expect(writing.readFile()).rejects.toThrow(lacksRight);
    await writing.close();
    const same = await copyFileHandle(source, {});
    expect(await same.readFile("utf8")).toBe("abc");
    await same.write("d");
    await same.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcd");
    expect(source.closed).toBe(false);
  });

  test("consumes the source with closeSource, whatever the outcome", async () => {
    using file = temporaryFile("abc");
    const source = openRaw(file.path, "r");
    const copy = await copyFileHandle(source, { closeSource: true });
    expect(source.closed).toBe(true);
    expect(await copy.readFile("utf8")).toBe("abc");
    await copy.close();
    const failing = openRaw(file.path, "r");
    await expect(copyFileHandle(failing, { access: "write", closeSource: true }))
      .rejects.toThrow(expect.objectContaining({ code: "EACCES" }));
    expect(failing.closed).toBe(true);
    using refused = openRaw(file.path, "r");
    await expect(copyFileHandle(refused, { minimum: 10, closeSource: true })).rejects.toThrow(
      /minimum .*the runtime chooses/,
    );
    expect(refused.closed).toBe(false);
    await expect(copyFileHandle(refused.borrow(), { closeSource: true })).rejects.toThrow(
      TypeError,
    );
  });

  test.runIf(adoptsFds)("takes options synchronously", () => {
    using file = temporaryFile("abc");
    const source = openRaw(file.path, "r+");
    const fds = [
      copyFileHandleSync(source, { inheritable: true }),
      copyFileHandleSync(source, { access: "read", inheritable: false }),
      copyFileHandleSync(source, { inheritable: true, closeSource: true }),
    ];
    expect(source.closed).toBe(true);
    expect(fds.map(inheritableFd)).toEqual([true, false, true]);
    expect(() => fs.writeSync(fds[1]!, "x")).toThrow(lacksRight);
    expect(fs.writeSync(fds[2]!, "x")).toBe(1);
    for (const fd of fds) fs.closeSync(fd);
    expect(fs.readFileSync(file.path, "utf8")).toBe("xbc");
  });

  test("refuses contradictions, unknown flags and bad sources", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const { ReadOnly, WriteOnly, Inherit, CloseOnExec } = CopyFlags;
    const bad: unknown[][] = [
      [source, ReadOnly | WriteOnly],
      [source, Inherit | CloseOnExec],
      [source, ReadOnly, { desiredAccess: GENERIC_READ }],
      [source, Inherit, { inheritHandle: false }],
      [source, CloseOnExec, { inheritHandle: true }],
      [source, 32],
      [source, -1],
      [source, 1.5],
      [source, "1"],
      [source, null],
      [source, 0, null],
      [source, 0, { inherit: true }],
      [source, 0, { inheritHandle: 1 }],
      [source, 0, { desiredAccess: "r" }],
      [source, {}, {}],
      [source, { access: "read" }, { inheritHandle: false }],
      [source, {}, null],
      [source, { minimum: 10 }],
      [source, { minimum: "10" }],
      [source, { access: "append" }],
      [source, { inheritable: 1 }],
      [source, { closeSource: "yes" }],
      [source, { inheritHandle: true }],
      [source, [ReadOnly]],
      [source, CopyFlags],
      [-1],
      [{}],
      [null],
      ["1"],
    ];
    for (const values of bad) {
      await expect(copyFileHandle(...values as [number])).rejects.toThrow(TypeError);
      expect(() => copyFileHandleSync(...values as [number])).toThrow(TypeError);
    }
    const closed = openRaw(file.path, "r");
    closed.close();
    await expect(copyFileHandle(closed)).rejects.toThrow(
      expect.objectContaining({ code: "EBADF" }),
    );
  });

  test("copies the source of the call, even when that is closed and its number reused", async () => {
    using first = temporaryFile("first");
    using second = temporaryFile("second");
    const source = openRaw(first.path, "r");
    const copying = copyFileHandle(source);
    source.close();
    using other = openRaw(second.path, "r");
    const copy = await copying;
    expect(await copy.readFile("utf8")).toBe("first");
    expect(readRaw(other.raw, 6)).toBe("second");
    await copy.close();
  });

  test("many in a row leave no handle behind", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const count = rounds(10_000, 1000);
    const before = openHandles().length;
    for (let at = 0; at < count; at++) await (await copyFileHandle(source)).close();
    expect(openHandles().length - before).toBeLessThan(5);
  });

  test("under load it never hands out a file that is not the source's", () => {
    const { copies, wrong, opened, leaked } = runProgram("file/copy_load.ts", {
      args: [String(rounds(10, 3))],
    }).result as Record<string, number>;
    expect(copies).toBeGreaterThan(10);
    expect(opened).toBeGreaterThan(10);
    expect(wrong).toBe(0);
    // On Windows a runtime makes an event for a lock when it is first waited for.
    expect(leaked).toBeLessThan(isWindows ? 3 : 1);
  });
});

test("killed at any moment, what was written through a copy is in the file", () => {
  using folder = temporaryFolder();
  for (let lines = 0; lines < 8; lines++) {
    const path = `${folder.path}/${lines}`;
    fs.writeFileSync(path, "");
    const { code } = runProgram("file/copy_killed.ts", {
      args: [path, String(lines)],
      mayFail: true,
    });
    expect(code).not.toBe(0);
    const expected = Array.from({ length: lines }, (_, at) => `line ${at}\n`).join("");
    expect(fs.readFileSync(path, "utf8")).toBe(expected);
  }
});

describe.runIf(isDeno && !isWindows)("a Deno.FsFile (there is none elsewhere)", () => {
  test("is copied to a Deno.FsFile", async () => {
    const { FsFile, openSync } = (globalThis as unknown as {
      Deno: { FsFile: new () => object; openSync(path: string): ReadableFsFile };
    }).Deno;
    using file = temporaryFile("abcdef");
    const source = openSync(file.path);
    const copy = await copyFileHandle(source as FsFile) as unknown as ReadableFsFile;
    expect(copy).toBeInstanceOf(FsFile);
    const buffer = new Uint8Array(2);
    source.readSync(buffer);
    expect(copy.readSync(buffer)).toBe(2);
    expect(decode(buffer)).toBe("cd");
    copy.close();
    const options = { access: "read", closeSource: true } as const;
    const last = await copyFileHandle(source as FsFile, options) as unknown as ReadableFsFile;
    expect(last).toBeInstanceOf(FsFile);
    expect(() => source.readSync(buffer)).toThrow();
    expect(last.readSync(buffer)).toBe(2);
    expect(decode(buffer)).toBe("ef");
    last.close();
  });

  test("and every other copy says which permission Deno lacks", () => {
    const { result } = runProgram("file/copy_permission.ts", {
      permissions: ["--allow-ffi", "--allow-env=DUPHANDLE_RESULT", "--allow-write"],
    });
    expect(result).toMatchObject({ code: "EACCES", status: "ERROR_ACCESS_DENIED" });
    expect((result as Error).message).toContain("--allow-read=/dev/null");
  });
});

/** The part of `Deno.FsFile` that the test uses. */
interface ReadableFsFile {
  readSync(buffer: Uint8Array): number | null;
  close(): void;
}

describe("adoption by the runtime", () => {
  test.runIf(adoptsFds)("copyFileHandleSync() gives an fd for node:fs", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    const fd = copyFileHandleSync(source);
    expect(readRaw(source.raw, 2)).toBe("ab");
    const buffer = new Uint8Array(2);
    expect(fs.readSync(fd, buffer)).toBe(2);
    expect(decode(buffer)).toBe("cd");
    fs.writeSync(fd, "XY");
    fs.fsyncSync(fd);
    expect(fs.fstatSync(fd).size).toBe(6);
    fs.ftruncateSync(fd, 5);
    fs.closeSync(fd);
    expect(() => fs.fstatSync(fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcdX");
  });

  test.runIf(adoptsFds)(
    "toFd() and fromFd() hand one handle over and back, each closed once",
    () => {
      using file = temporaryFile("abcdef");
      const before = openHandles().length;
      const owned = openRaw(file.path, "r");
      const fd = owned.toFd();
      expect(owned.closed).toBe(true);
      expect(openHandles().length).toBe(before + 1);
      expect(fs.readSync(fd, new Uint8Array(2))).toBe(2);
      const back = OwnedHandle.fromFd(fd);
      expect(openHandles().length).toBe(before + 1);
      expect(() => fs.fstatSync(fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
      expect(readRaw(back.raw, 2)).toBe("cd");
      back.close();
      expect(openHandles().length).toBe(before);
    },
  );

  test.runIf(adoptsFds)("an fd and an owner of its object close their own, in either order", () => {
    using file = temporaryFile("abcdef");
    for (const ownerFirst of [true, false]) {
      const fd = fs.openSync(file.path, "r");
      const owner = duplicate(fd);
      if (isWindows) expect(NtQueryObject(owner.raw).HandleCount).toBe(2);
      if (ownerFirst) owner.close();
      else fs.closeSync(fd);
      if (ownerFirst) expect(fs.readSync(fd, new Uint8Array(2))).toBe(2);
      else expect(readRaw(owner.raw, 2)).toBe("ab");
      if (isWindows && !ownerFirst) expect(NtQueryObject(owner.raw).HandleCount).toBe(1);
      if (ownerFirst) fs.closeSync(fd);
      else owner.close();
    }
  });

  test("toFileHandle() consumes the handle", async () => {
    using file = temporaryFile("abcdef");
    const owned = openRaw(file.path, "r");
    const adopted = await owned.toFileHandle();
    expect(owned.closed).toBe(true);
    expect(await adopted.readFile("utf8")).toBe("abcdef");
    await adopted.close();
    await expect(owned.toFileHandle()).rejects.toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  test.skipIf(adoptsFds)("says that Deno for Windows makes no descriptors", () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    expect(() => copyFileHandleSync(source)).toThrow(unsupported);
    expect(() => duplicate(source).toFd()).toThrow(unsupported);
  });

  test.skipIf(isWindows)(
    "at the descriptor limit nothing leaks (POSIX: Windows has no such limit)",
    () => {
      const { codes, leaked } = runProgram("file/copy_limit.ts", {
        prefix: ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"'],
      }).result as { codes: string[]; leaked: number };
      expect(new Set(codes)).toEqual(new Set(["EMFILE"]));
      expect(leaked).toBe(0);
    },
  );
});

/** Whether children inherit a descriptor of the runtime. */
function inheritableFd(fd: number): boolean {
  return borrow(isWindows ? handleOfFd(fd) : fd).inheritable;
}
