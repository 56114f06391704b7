import { borrow, duplicate, duplicateOnto } from "duphandle";
import * as win32 from "duphandle/win32";
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { fdOfHandle, handleOfFd } from "../../ffi/win32/osfhandle.ts";
import { notOpen, unsupported } from "../support/matchers.ts";
import { openHandles } from "../support/open_handles.ts";
import { runProgram } from "../support/program.ts";
import {
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
} from "../support/system.ts";

const PROTECTED = win32.HANDLE_FLAG_PROTECT_FROM_CLOSE;

describe.runIf(isWindows && !isDeno)("duplicateOnto() in Bun and Node for Windows", () => {
  test("makes a descriptor refer to the source's object", () => {
    using first = temporaryFile("first");
    using second = temporaryFile("second");
    using source = openRaw(first.path, "r");
    const before = openHandles();
    const target = fs.openSync(second.path, "r");
    duplicateOnto(source, target);
    const buffer = Buffer.alloc(5);
    expect(fs.readSync(target, buffer, 0, 3, null)).toBe(3);
    expect(positionOf(source.raw)).toBe(3);
    expect(borrow(handleOfFd(target)).inheritable).toBe(false);
    fs.writeFileSync(second.path, "no other handle keeps it");
    fs.rmSync(second.path);
    duplicateOnto(source, target, { inheritable: true });
    expect(borrow(handleOfFd(target)).inheritable).toBe(true);
    expect(fs.readSync(target, buffer, 3, 2, null)).toBe(2);
    expect(String(buffer)).toBe("first");
    fs.closeSync(target);
    expect(openHandles()).toEqual(before);
  });

  test("refuses the same handle, a closed source or target, a pipe, and a protected handle", () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const target = fs.openSync(file.path, "r");
    const before = openHandles();
    const raw = handleOfFd(target);
    expect(() => duplicateOnto(target, target)).toThrow(
      expect.objectContaining({ code: "EINVAL", syscall: "dup3", handle: target }),
    );
    expect(() => duplicateOnto(7000, target)).toThrow(notOpen);
    expect(() => duplicateOnto(source, 7000)).toThrow(notOpen);
    win32.SetHandleInformation(raw, PROTECTED, PROTECTED);
    expect(() => duplicateOnto(source, target)).toThrow(expect.objectContaining({ code: "EPERM" }));
    win32.SetHandleInformation(raw, PROTECTED, 0);
    expect(handleOfFd(target)).toBe(raw);
    expect(openHandles()).toEqual(before);
    fs.closeSync(target);
    const { reader, writer } = pipeRaw();
    const pipe = fdOfHandle(reader.release());
    expect(() => duplicateOnto(source, pipe)).toThrow(unsupported);
    fs.closeSync(pipe);
    writer.close();
  });
});

describe.skipIf(isWindows)("duplicateOnto() on POSIX", () => {
  test("makes the target refer to the source's object", () => {
    using first = temporaryFile("first");
    using second = temporaryFile("second");
    using source = openRaw(first.path, "r");
    using target = openRaw(second.path, "r");
    duplicateOnto(source, target.raw);
    expect(readRaw(target.raw, 3)).toBe("fir");
    expect(positionOf(source.raw)).toBe(3);
    expect(target.inheritable).toBe(false);
    duplicateOnto(source, target.raw, { inheritable: true });
    expect(target.inheritable).toBe(true);
    expect(source.inheritable).toBe(false);
  });

  test("opens a target that is free", () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    using copy = duplicate(source, { minimum: 900 });
    const target = copy.raw + 1;
    duplicateOnto(source, target);
    expect(readRaw(target, 3)).toBe("abc");
    using other = duplicate(source, { minimum: target });
    expect(other.raw).toBe(target + 1);
    duplicateOnto(copy, other.raw);
    duplicate({ fd: target }, { closeSource: true }).close();
  });

  test("refuses equal numbers, a closed source and a target beyond the limit", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    const { raw } = source;
    expect(() => duplicateOnto(source, raw)).toThrow(
      expect.objectContaining({
        code: "EINVAL",
        status: "ERROR_INVALID_PARAMETER",
        native: 22,
        syscall: "dup3",
        handle: raw,
      }),
    );
    expect(() => duplicateOnto({ fd: 0x7fff_0000 }, raw)).toThrow(
      expect.objectContaining({ code: "EBADF", syscall: "dup3", handle: 0x7fff_0000 }),
    );
    expect(() => duplicateOnto(source, 0x7fff_ffff)).toThrow(
      expect.objectContaining({ code: "EBADF", syscall: "dup3", handle: raw }),
    );
    expect(readRaw(raw, 1)).toBe("");
  });

  test("is atomic: a reader in a worker never sees the target closed", () => {
    const { replacements, reads, wrong } = runProgram("handle/atomic.ts", { args: ["100000"] })
      .result as Record<string, number>;
    expect(replacements).toBe(100_000);
    expect(reads).toBeGreaterThan(0);
    expect(wrong).toBe(0);
  });
});
