import * as fs from "node:fs";
import { borrow, BorrowedHandle, duplicate, Handle, OwnedHandle } from "duphandle";
import { describe, expect, test } from "vitest";
import { notOpen } from "../support/matchers.ts";
import { openHandles } from "../support/open_handles.ts";
import { runProgram } from "../support/program.ts";
import {
  closeRaw,
  handlesOfFd,
  isWindows,
  openApart,
  openRaw,
  pipeRaw,
  readRaw,
  temporaryFile,
  writeRaw,
} from "../support/system.ts";
import { canTrace, failing } from "../support/trace.ts";

describe("OwnedHandle", () => {
  test("close() closes once, and a second call does nothing", () => {
    using file = temporaryFile("");
    const handle = openRaw(file.path, "r");
    const { raw } = handle;
    handle.close();
    using other = openRaw(file.path, "r");
    if (!isWindows) expect(other.raw).toBe(raw); // the number is somebody else's now
    handle.close();
    expect(readRaw(other.raw, 1)).toBe("");
    expect(handle.closed).toBe(true);
  });

  test("refuses every use after close() and release()", () => {
    using file = temporaryFile("");
    const closed = openRaw(file.path, "r");
    const raw = closed.raw;
    closed.close();
    const released = openRaw(file.path, "r");
    const borrowed = released.borrow();
    closeRaw(released.release());
    for (const handle of [closed, released]) {
      const uses: (() => unknown)[] = [
        () => handle.raw,
        () => handle.inheritable,
        () => handle.inheritable = true,
        () => handle.borrow(),
        () => handle.release(),
        () => handle.duplicate(),
        () => handle.toFd(),
        () => duplicate(handle),
        () => duplicate(handle, { closeSource: true }),
      ];
      for (const use of uses) expect(use).toThrow(notOpen);
      expect(handle.closed).toBe(true);
    }
    expect(() => closed.raw).toThrow(expect.objectContaining({ handle: raw, syscall: "close" }));
    expect(borrowed.closed).toBe(true);
    expect(() => borrowed.raw).toThrow(notOpen);
  });

  test("throws when other code closed our handle", () => {
    using file = temporaryFile("");
    const handle = openApart(file.path, "r");
    closeRaw(handle.raw);
    expect(() => handle.close()).toThrow(notOpen);
    handle.close();
  });

  test("one handle given to two owners is caught at the second close", () => {
    using file = temporaryFile("");
    const raw = openApart(file.path, "r").release();
    const first = OwnedHandle.fromRaw(raw);
    const second = OwnedHandle.fromRaw(raw);
    first.close();
    expect(() => second.close()).toThrow(notOpen);
  });

  test("is closed at the end of a using block, and of an await using block", async () => {
    using file = temporaryFile("");
    let first: OwnedHandle;
    let second: OwnedHandle;
    {
      using inner = openRaw(file.path, "r");
      first = inner;
      await using late = openRaw(file.path, "r");
      second = late;
    }
    expect([first.closed, second.closed]).toEqual([true, true]);
    const stolen = openApart(file.path, "r");
    closeRaw(stolen.raw);
    await expect(stolen[Symbol.asyncDispose]()).rejects.toThrow(notOpen);
  });

  test("release() leaves the handle open for the code that takes it", () => {
    using file = temporaryFile("ab");
    const raw = openRaw(file.path, "r").release();
    expect(readRaw(raw, 1)).toBe("a");
    using owner = OwnedHandle.fromRaw(raw);
    expect(readRaw(owner.raw, 1)).toBe("b");
  });

  test("is a Handle, and is not made by new without a type error", () => {
    using file = temporaryFile("");
    using handle = openRaw(file.path, "r");
    expect(handle).toBeInstanceOf(Handle);
    expect(handle.borrow()).toBeInstanceOf(BorrowedHandle);
  });
});

describe("toFd() and toFileHandle()", () => {
  const ways = {
    toFd: (handle: OwnedHandle) => handle.toFd(),
    toFileHandle: (handle: OwnedHandle) => handle.toFileHandle(),
  };

  test.each(Object.entries(ways))("%s() consumes what other code closed", async (_, adopt) => {
    using file = temporaryFile("");
    using handle = openApart(file.path, "r"); // its end would throw a second time
    closeRaw(handle.raw);
    await expect((async () => await adopt(handle))()).rejects.toThrow(notOpen);
    expect(handle.closed).toBe(true);
  });

  test.skipIf(!canTrace)("close what they cannot ask about (needs strace, on Linux)", () => {
    using file = temporaryFile("");
    const { error, closed, reused } = runProgram("ffi/fault.ts", {
      args: ["toFd", file.path],
      prefix: failing(file.path, "fcntl:error=ENOMEM"),
    }).result as Record<string, unknown>;
    expect(error).toMatchObject({ code: "ENOMEM", syscall: "fcntl" });
    expect([closed, reused]).toEqual([true, true]);
  });
});

describe("several owners of one object", () => {
  test("each closes its own, the others keep working, the last close releases the object", () => {
    const { reader, writer } = pipeRaw();
    const owners = Array.from({ length: 20 }, () => duplicate(writer));
    writer.close();
    for (const [at, owner] of owners.entries()) {
      writeRaw(owner.raw, String.fromCharCode(97 + at));
      expect(readRaw(reader.raw, 8)).toBe(String.fromCharCode(97 + at));
      if (at < owners.length - 1) owner.close();
    }
    owners.at(-1)?.close();
    expect(readRaw(reader.raw, 8), "end of file").toBe("");
    reader.close();
  });

  test("a runtime's fd and our copy are closed by their own owners", () => {
    using file = temporaryFile("abcd");
    const before = openHandles().length;
    const fd = fs.openSync(file.path, "r");
    const copy = duplicate(fd);
    expect(openHandles().length).toBe(before + handlesOfFd + 1);
    fs.closeSync(fd);
    expect(readRaw(copy.raw, 4)).toBe("abcd");
    copy.close();
    expect(openHandles().length).toBe(before);
  });
});

describe("borrow()", () => {
  test("uses a handle that other code closes", () => {
    using file = temporaryFile("abcd");
    using owner = openRaw(file.path, "r");
    const borrowed = borrow(owner.raw);
    using copy = borrowed.duplicate();
    expect(readRaw(copy.raw, 2)).toBe("ab");
    expect(borrowed.raw).toBe(owner.raw);
    expect(borrowed.closed).toBe(false);
    expect("close" in borrowed).toBe(false);
  });

  test("of an owner ends with the owner", () => {
    using file = temporaryFile("");
    const owner = openRaw(file.path, "r");
    const borrowed = owner.borrow();
    expect(borrowed.closed).toBe(false);
    owner.close();
    expect(borrowed.closed).toBe(true);
    expect(() => borrowed.duplicate()).toThrow(notOpen);
  });
});
