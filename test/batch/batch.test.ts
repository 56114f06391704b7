/** Many handles at once: what is made and closed, in which order, and who is told of what. */
import { once } from "node:events";
import * as fs from "node:fs";
import {
  borrow,
  closeMany,
  currentProcess,
  duplicate,
  duplicateMany,
  OwnedHandle,
} from "duphandle";
import { describe, expect, test } from "vitest";
import { expectedProblems } from "../support/expected_problems.ts";
import { notOpen } from "../support/matchers.ts";
import { runProgram } from "../support/program.ts";
import {
  closeRaw,
  isDeno,
  isWindows,
  openApart,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
} from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

/** One by one, a batch, more than one message of the kernel holds, and many. */
const SIZES = [0, 1, 20, 112, 253, 254, isWindows ? 500 : 3000];

function isOpen(raw: number): boolean {
  try {
    borrow(raw).duplicate().close();
    return true;
  } catch {
    return false;
  }
}

describe.each(SIZES)("%i handles", (count) => {
  test("are duplicated in order, not inheritable, and closed", () => {
    using one = temporaryFile("a".repeat(10));
    using other = temporaryFile("b".repeat(10));
    using first = openRaw(one.path, "r");
    using second = openRaw(other.path, "r");
    const sources = Array.from({ length: count }, (_, at) => at % 3 === 0 ? second : first);
    const copies = duplicateMany(sources);
    expect(new Set(copies.map(({ raw }) => raw)).size).toBe(count);
    for (const [at, copy] of copies.entries()) {
      if (at >= 10 && at < count - 10) continue;
      expect(copy.inheritable).toBe(false);
      expect(copy.raw).toBeGreaterThan(2);
      const before = positionOf(sources[at]!.raw);
      expect(readRaw(copy.raw, 1), `handle ${at}`).toBe(
        before === 10 ? "" : at % 3 === 0 ? "b" : "a",
      );
      expect(positionOf(sources[at]!.raw)).toBe(Math.min(before + 1, 10));
    }
    const raws = copies.map(({ raw }) => raw);
    closeMany(copies);
    expect(copies.every(({ closed }) => closed)).toBe(true);
    expect(raws.filter(isOpen)).toEqual([]);
    expect(isOpen(first.raw)).toBe(true);
  });

  test.runIf(count > 0)("are not duplicated when one of them is not open", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    const closed = openApart(file.path, "r");
    closeRaw(closed.raw);
    const sources = Array<OwnedHandle>(count).fill(source);
    sources[count >> 1] = closed;
    const error = thrownBy(() => duplicateMany(sources));
    expect(error).toEqual(notOpen);
    expect(error.handle).toBe(closed.raw);
  });

  test.runIf(count > 0)("are all closed, although other code has closed one", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    const copies = duplicateMany(Array<OwnedHandle>(count).fill(source));
    const raws = copies.map(({ raw }) => raw);
    closeRaw(raws[count >> 1]!);
    const error = thrownBy(() => closeMany(copies));
    expect(error).toEqual(notOpen);
    expect(error.handle).toBe(raws[count >> 1]);
    expect(raws.filter(isOpen)).toEqual([]);
  });

  test("take options: inheritance, access, closeSource", () => {
    using file = temporaryFile("ab");
    using source = openRaw(file.path, "r+");
    const inherited = duplicateMany(Array<OwnedHandle>(count).fill(source), { inheritable: true });
    expect(inherited.every(({ inheritable }) => inheritable)).toBe(true);
    const readers = duplicateMany(inherited, { access: "read", closeSource: true });
    expect(inherited.every(({ closed }) => closed)).toBe(true);
    expect(readers.length).toBe(count);
    closeMany(new Set(readers));
  });
});

describe("duplicateMany()", () => {
  test("consumes the sources also when one of them fails", () => {
    using file = temporaryFile("");
    const sources = Array.from({ length: 150 }, () => openRaw(file.path, "r"));
    const stolen = openApart(file.path, "r");
    sources.splice(70, 0, stolen);
    closeRaw(stolen.raw);
    expect(() => duplicateMany(sources, { closeSource: true })).toThrow(notOpen);
    expect(sources.every(({ closed }) => closed)).toBe(true);
  });

  test("takes what can be iterated, and refuses the rest before anything is done", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    using second = duplicate(source);
    closeMany(duplicateMany(new Set([source, second])));
    for (const bad of [null, undefined, 3, {}, "ab"]) {
      expect(() => duplicateMany(bad as never), String(bad)).toThrow(TypeError);
    }
    expect(() => duplicateMany([source, -1])).toThrow(TypeError);
    expect(() => duplicateMany([source], { acces: "read" } as never)).toThrow(TypeError);
    expect(() => duplicateMany([source.borrow()], { closeSource: true })).toThrow(TypeError);
    expect(isOpen(source.raw)).toBe(true);
  });

  test("takes a hole of an array for no source, and not for descriptor 0", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    for (const count of [2, 150]) {
      const holed: OwnedHandle[] = [];
      holed.length = count;
      holed[0] = source;
      expect(() => duplicateMany(holed)).toThrow(TypeError);
      expect(() => duplicateMany(holed, { closeSource: true })).toThrow(TypeError);
    }
    expect(isOpen(source.raw)).toBe(true);
  });

  test("closes a source that is there twice once", () => {
    using file = temporaryFile("");
    for (const count of [2, 150]) {
      const source = openRaw(file.path, "r");
      const copies = duplicateMany(Array<OwnedHandle>(count).fill(source), { closeSource: true });
      expect(source.closed).toBe(true);
      expect(copies.filter(({ raw }) => isOpen(raw)).length).toBe(count);
      closeMany(copies);
    }
  });

  test(
    "closes a descriptor that is there twice once",
    async () => {
      using file = temporaryFile("");
      const fd = fs.openSync(file.path, "r");
      closeMany(duplicateMany([fd, { fd }, fd], { closeSource: true }));
      expect(() => fs.fstatSync(fd)).toThrow("EBADF");
      const opened = await fs.promises.open(file.path);
      const { fd: number } = opened;
      closeMany(duplicateMany([number, opened, opened, { fd: number }], { closeSource: true }));
      // The file has closed itself. By its number alone, it would close somebody else's later.
      expect(opened.fd).toBe(-1);
      await opened.close();
    },
  );

  test("consumes the sources also when one of them was closed before", () => {
    using file = temporaryFile("");
    const closed = openRaw(file.path, "r");
    closed.close();
    expectedProblems("use-after-close");
    for (const bad of [closed, { fd: -1 }]) {
      const sources = [openRaw(file.path, "r"), openRaw(file.path, "r")] as const;
      const all = [sources[0], bad, sources[1]];
      expect(() => duplicateMany(all, { closeSource: true })).toThrow(notOpen);
      expect(sources.map((source) => source.closed)).toEqual([true, true]);
    }
  });

  test.skipIf(isWindows || isDeno)(
    "warns of a source that the runtime cannot close, and returns the duplicates " +
      "(on Windows a HANDLE is no descriptor; Deno closes it without a word)",
    async () => {
      using file = temporaryFile("");
      const fd = fs.openSync(file.path, "r");
      const owner = OwnedHandle.fromRaw(fd);
      const warned = once(process, "warning");
      closeMany(duplicateMany([owner, fd], { closeSource: true }));
      const [warning] = await warned;
      expect(warning).toMatchObject({ name: "HandleWarning", code: "EBADF" });
      expect(warning.message).toContain(`close fd ${fd}`);
    },
  );

  test.skipIf(isWindows)("at the limit makes none (Windows has no limit that can be set)", () => {
    const { result } = runProgram("batch/limit.ts", {
      prefix: ["prlimit", "--nofile=400:400", "--"],
    });
    expect(result).toEqual({ code: "EMFILE", before: 0, after: 0, works: 300 });
  });
});

describe("closeMany()", () => {
  test("leaves out what is closed, and what is there twice", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    const copies = duplicateMany(Array<OwnedHandle>(130).fill(source));
    copies[5]!.close();
    closeMany([...copies, ...copies]);
    closeMany(copies);
    expect(copies.every(({ closed }) => closed)).toBe(true);
  });

  test.each([3, 150])("tells that one of %i has two owners, and closes all", (count) => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    const copies = duplicateMany(Array<OwnedHandle>(count).fill(source));
    const raws = copies.map(({ raw }) => raw);
    const second = OwnedHandle.fromRaw(raws[1]!);
    const error = thrownBy(() => closeMany([...copies, second]));
    expect(error).toEqual(notOpen);
    expect(error.handle).toBe(raws[1]);
    expect(raws.filter(isOpen)).toEqual([]);
  });

  test("closes nothing but what it was given, whatever lies between", () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const copies = duplicateMany(Array<OwnedHandle>(400).fill(source));
    const kept = copies.filter((_, at) => at % 7 === 3);
    closeMany(copies.filter((_, at) => at % 7 !== 3).reverse());
    expect(kept.every(({ raw }) => isOpen(raw))).toBe(true);
    closeMany(kept);
  });

  test("closes each kind in its own way", () => {
    const pipe = pipeRaw();
    closeMany([currentProcess(), pipe.reader, pipe.writer]);
    expect(pipe.writer.closed).toBe(true);
  });

  test("refuses what is no owner, and then closes nothing", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    for (const bad of [[source, source.borrow()], [source, source.raw], null, 3]) {
      expect(() => closeMany(bad as never)).toThrow(TypeError);
    }
    expect(isOpen(source.raw)).toBe(true);
  });
});
