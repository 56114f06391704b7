/** Handles that the runtime takes over, as descriptors and as files. */
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { copyFileHandleSync, duplicate, type HasFd, OwnedHandle } from "duphandle";
import { NtQueryObject } from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { decode } from "../support/file_copies.ts";
import { notOpen } from "../support/matchers.ts";
import { openHandles } from "../support/open_handles.ts";
import { runProgram } from "../support/program.ts";
import {
  handlesOfFd,
  isBun,
  isDeno,
  isWindows,
  openRaw,
  readRaw,
  temporaryFile,
} from "../support/system.ts";

describe("adoption by the runtime", () => {
  test("copyFileHandleSync() gives an fd for node:fs", () => {
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

  test(
    "toFd() and fromFd() hand one handle over and back, each closed once",
    () => {
      using file = temporaryFile("abcdef");
      const before = openHandles().length;
      const owned = openRaw(file.path, "r");
      const fd = owned.toFd();
      expect(owned.closed).toBe(true);
      expect(openHandles().length).toBe(before + handlesOfFd);
      expect(fs.readSync(fd, new Uint8Array(2))).toBe(2);
      const back = OwnedHandle.fromFd(fd);
      expect(openHandles().length).toBe(before + 1);
      expect(() => fs.fstatSync(fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
      expect(readRaw(back.raw, 2)).toBe("cd");
      back.close();
      expect(openHandles().length).toBe(before);
    },
  );

  test("an fd and an owner of its object close their own, in either order", () => {
    using file = temporaryFile("abcdef");
    for (const ownerFirst of [true, false]) {
      const fd = fs.openSync(file.path, "r");
      const owner = duplicate(fd);
      if (isWindows) expect(NtQueryObject(owner.raw).HandleCount).toBe(handlesOfFd + 1);
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

  test.skipIf(isWindows)(
    "at the descriptor limit nothing leaks (POSIX: Windows has no such limit)",
    () => {
      const { result } = runProgram("file/copy_limit.ts", {
        prefix: ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"'],
      });
      expect(result).toEqual({
        first: [["EMFILE", "EMFILE"], ["EMFILE", "copied"]],
        later: [["EMFILE", "EMFILE"], ["copied", "copied"]],
        leaked: 0,
      });
    },
  );

  test.skipIf(isWindows).each(["throws", "wraps", "object"])(
    "works where the class of files cannot be found: %s (POSIX: Windows does not look for it)",
    (how) => {
      using file = temporaryFile("abc");
      const { result } = runProgram("file/unknown_class.ts", { args: [file.path, how] });
      expect(result).toEqual({ texts: ["abc", "abc", "abc"], leaked: 0 });
    },
  );

  test.skipIf(isWindows)(
    "in a worker thread, the runtime knows the descriptors (POSIX: Windows has its own table)",
    () => {
      using file = temporaryFile("abc");
      const { result } = runProgram("file/in_worker.ts", { args: [file.path] });
      const texts = ["abc", "abc", "abc", "abc"];
      expect(result).toEqual({ outcomes: [texts, texts, texts, texts], warnings: [], leaked: 0 });
    },
  );
});

describe("fromFd() of an object", () => {
  test("closes a FileHandle by itself, so that the runtime does not close its number again", async () => {
    using file = temporaryFile("abc");
    const { result } = runProgram("file/collected.ts", {
      args: [file.path],
      flags: isDeno ? ["--v8-flags=--expose-gc"] : isBun ? [] : ["--expose-gc"],
    });
    expect(result).toEqual({ fd: -1, text: "abc", uncaught: [] });
    const opened = await open(file.path);
    using owner = OwnedHandle.fromFd(opened);
    expect(opened.fd).toBe(-1);
    expect(readRaw(owner.raw, 3)).toBe("abc");
  });

  test("closes the object also when the duplicate fails", () => {
    using file = temporaryFile("abc");
    const fd = fs.openSync(file.path, "r");
    fs.closeSync(fd);
    let closes = 0;
    expect(() => OwnedHandle.fromFd({ fd, close: () => closes++ } as HasFd)).toThrow(notOpen);
    expect(closes).toBe(1);
  });

  test("refuses an object that it cannot close, and one that is closed, before anything is done", () => {
    using file = temporaryFile("abc");
    const fd = fs.openSync(file.path, "r");
    expect(() => OwnedHandle.fromFd({ fd })).toThrow(TypeError);
    expect(() => OwnedHandle.fromFd({ fd })).toThrow("no close()");
    expect(() => OwnedHandle.fromFd({ fd: -1, close() {} } as HasFd)).toThrow(notOpen);
    expect(() => OwnedHandle.fromFd({} as HasFd)).toThrow(TypeError);
    expect(() => OwnedHandle.fromFd({ fd: 1, close() {} } as HasFd)).toThrow(TypeError);
    using handle = duplicate(fd);
    expect(() => OwnedHandle.fromFd(handle as unknown as HasFd)).toThrow("not the runtime's");
    fs.closeSync(fd);
  });
});
