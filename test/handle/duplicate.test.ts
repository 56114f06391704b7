import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { borrow, duplicate, type HandleSource } from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { denied, unsupported } from "../support/matchers.ts";
import { runProgram } from "../support/program.ts";
import {
  isWindows,
  openRaw,
  positionOf,
  readRaw,
  refersTo,
  temporaryFile,
  writeRaw,
} from "../support/system.ts";

describe("duplicate()", () => {
  test("shares the position with its source", () => {
    using file = temporaryFile("abcdefgh");
    using source = openRaw(file.path, "r");
    using copy = duplicate(source);
    expect(copy.raw).not.toBe(source.raw);
    expect(readRaw(source.raw, 3)).toBe("abc");
    expect(readRaw(copy.raw, 3)).toBe("def");
    expect(positionOf(source.raw)).toBe(6);
  });

  test("goes on when the source is closed, and the source when it is closed", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    duplicate(source).close();
    expect(readRaw(source.raw, 2)).toBe("ab");
    using copy = duplicate(source);
    source.close();
    expect(readRaw(copy.raw, 2)).toBe("cd");
  });

  test("is not inheritable unless asked, and each handle decides for itself", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    using plain = duplicate(source);
    using asked = duplicate(source, { inheritable: true });
    using copyOfAsked = duplicate(asked);
    expect([source, plain, asked, copyOfAsked].map((handle) => handle.inheritable))
      .toEqual([false, false, true, false]);
    plain.inheritable = true;
    asked.inheritable = false;
    expect([plain.inheritable, asked.inheritable, source.inheritable])
      .toEqual([true, false, false]);
    const system = isWindows
      ? win32.GetHandleInformation(plain.raw) & win32.HANDLE_FLAG_INHERIT
      : ~posix.fcntl_getfd(plain.raw) & posix.FD_CLOEXEC;
    expect(system).toBe(1);
  });

  test.skipIf(isWindows)("shares status flags (POSIX: Windows has none)", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    using copy = duplicate(source);
    posix.fcntl_setfl(copy.raw, posix.fcntl_getfl(copy.raw) | posix.O_NONBLOCK);
    expect(posix.fcntl_getfl(source.raw) & posix.O_NONBLOCK).toBe(posix.O_NONBLOCK);
  });

  test("takes the lowest free descriptor at or above minimum, and 3 when it is not given", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    if (isWindows) {
      expect(() => duplicate(source, { minimum: 3 })).toThrow(
        unsupported,
      );
      return;
    }
    using first = duplicate(source, { minimum: 700 });
    using second = duplicate(source, { minimum: 700 });
    expect([first.raw, second.raw]).toEqual([700, 701]);
    const { lowest, plain } = runProgram("handle/closed_stdin.ts").result as Record<string, number>;
    expect(plain).toBe(0);
    expect(lowest).toBeGreaterThan(2);
  });

  test("takes an fd of the runtime, an object with an fd, a FileHandle and a Handle", async () => {
    using file = temporaryFile("abcdefghij");
    const fd = fs.openSync(file.path, "r");
    const fileHandle = await open(file.path, "r");
    using owned = openRaw(file.path, "r");
    try {
      const borrowed = borrow(owned.raw);
      const sources: HandleSource[] = [owned, owned.borrow(), borrowed, fd, { fd }, fileHandle];
      for (const source of sources) {
        using copy = duplicate(source);
        expect(readRaw(copy.raw, 1)).toMatch(/[a-j]/);
      }
      expect(positionOf(owned.raw)).toBe(3);
      expect(fs.readSync(fd, new Uint8Array(1))).toBe(1);
      expect((await fileHandle.read(new Uint8Array(1))).bytesRead).toBe(1);
    } finally {
      fs.closeSync(fd);
      await fileHandle.close();
    }
  });

  test("takes the standard descriptors", () => {
    for (const fd of [0, 1, 2]) {
      using copy = duplicate(fd);
      expect(copy.raw).toBeGreaterThan(2);
      expect(copy.inheritable).toBe(false);
    }
    using copy = duplicate(process.stdout as { fd: number });
    expect(copy.closed).toBe(false);
  });

  test("writes through every copy end up in one file, one after the other", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "w");
    const copies = Array.from({ length: 10 }, () => duplicate(source));
    copies.forEach((copy, at) => writeRaw(copy.raw, String(at)));
    for (const copy of copies) copy.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("0123456789");
  });

  test("a method of every Handle does the same", () => {
    using file = temporaryFile("ab");
    using source = openRaw(file.path, "r");
    using copy = source.borrow().duplicate().duplicate({ closeSource: true });
    expect(readRaw(copy.raw, 2)).toBe("ab");
  });
});

describe("duplicate() with closeSource", () => {
  test("consumes an owned handle", () => {
    using file = temporaryFile("ab");
    using source = openRaw(file.path, "r");
    const { raw } = source;
    using copy = duplicate(source, { closeSource: true });
    expect(source.closed).toBe(true);
    expect(copy.raw).not.toBe(raw);
    expect(refersTo(raw, copy)).toBe(false);
    expect(readRaw(copy.raw, 2)).toBe("ab");
  });

  test("closes an fd with the runtime that owns it", async () => {
    using file = temporaryFile("ab");
    const fd = fs.openSync(file.path, "r");
    using copy = duplicate(fd, { closeSource: true });
    expect(() => fs.fstatSync(fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
    const fileHandle = await open(file.path, "r");
    using second = duplicate(fileHandle, { closeSource: true });
    expect(readRaw(copy.raw, 1) + readRaw(second.raw, 1)).toBe("aa");
    await expect(fileHandle.stat()).rejects.toThrow();
  });

  test.each([
    ["an object without a text", Object.create(null)],
    ["a symbol", Symbol("x")],
    ["undefined", undefined],
    ["an error whose message throws", {
      get message() {
        throw new Error("no message");
      },
    }],
  ])("is returned whatever the close of its source throws: %s", (_, thrown) => {
    using file = temporaryFile("ab");
    const fd = fs.openSync(file.path, "r");
    const source = {
      fd,
      close() {
        fs.closeSync(fd);
        throw thrown;
      },
    };
    using copy = duplicate(source, { closeSource: true });
    expect(readRaw(copy.raw, 2)).toBe("ab");
  });

  test("consumes the source also when the call fails", () => {
    using file = temporaryFile("ab");
    using kept = openRaw(file.path, "r");
    const source = kept.duplicate();
    const { raw } = source;
    expect(() => duplicate(source, { closeSource: true, access: "write" }))
      .toThrow(denied);
    expect(source.closed).toBe(true);
    expect(refersTo(raw, kept)).toBe(false);
  });

  test("refuses a borrowed source, and leaves the source alone when options are refused", () => {
    using file = temporaryFile("ab");
    using source = openRaw(file.path, "r");
    expect(() => duplicate(source.borrow(), { closeSource: true })).toThrow(TypeError);
    expect(() => duplicate(source, { closeSource: true, minimum: -1 })).toThrow(TypeError);
    expect(readRaw(source.raw, 2)).toBe("ab");
  });
});
