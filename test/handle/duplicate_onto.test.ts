import { duplicate, duplicateOnto } from "duphandle";
import { describe, expect, test } from "vitest";
import { unsupported } from "../support/matchers.ts";
import { runProgram } from "../support/program.ts";
import { isWindows, openRaw, positionOf, readRaw, temporaryFile } from "../support/system.ts";

describe("duplicateOnto()", () => {
  test.runIf(isWindows)("says what to use on Windows, which cannot do it in one step", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    expect(() => duplicateOnto(source, 1)).toThrow(
      unsupported,
    );
    expect(() => duplicateOnto(source, 1)).toThrow("use duplicate()");
  });
});

describe.skipIf(isWindows)("duplicateOnto() (POSIX: ENOTSUP on Windows, see above)", () => {
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
