/** The options, flags and attributes of copyFileHandle(). */
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { borrow, copyFileHandle, copyFileHandleSync, CopyFlags, duplicate } from "duphandle";
import { CompareObjectHandles, GENERIC_READ } from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { handleOfFd } from "../../ffi/win32/osfhandle.ts";
import { copyOf } from "../support/file_copies.ts";
import { openHandles as listed } from "../../ffi/win32/inspect.ts";
import { openHandles } from "../support/open_handles.ts";
import { isDeno, isWindows, openRaw, temporaryFile } from "../support/system.ts";

const lacksRight = expect.objectContaining({
  code: expect.stringMatching(/^(EBADF|EACCES|EPERM)$/),
});

describe("copyFileHandle()", () => {
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

  test("is inheritable only when requested", () => {
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
      outcomes.push(inheritableFds(fd)[0]!);
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

  test("closes a source of the runtime through the runtime", async () => {
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

  test("takes options synchronously", () => {
    using file = temporaryFile("abc");
    const source = openRaw(file.path, "r+");
    const fds = [
      copyFileHandleSync(source, { inheritable: true }),
      copyFileHandleSync(source, { access: "read", inheritable: false }),
      copyFileHandleSync(source, { inheritable: true, closeSource: true }),
    ];
    expect(source.closed).toBe(true);
    expect(inheritableFds(fds[0]!, fds[2]!, fds[1]!)).toEqual([true, true, false]);
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
});

/** Which descriptors of the runtime children inherit. */
function inheritableFds(...fds: number[]): boolean[] {
  if (!isDeno || !isWindows) {
    return fds.map((fd) => borrow(isWindows ? handleOfFd(fd) : fd).inheritable);
  }
  // Deno tells the handle of none: those with an inheritable handle come first.
  using copy = duplicate(fds[0]!);
  const count =
    listed().filter(({ handle, inheritable }) =>
      inheritable && CompareObjectHandles(handle, copy.raw)
    ).length;
  return fds.map((_, at) => at < count);
}
