import {
  borrow,
  closeMany,
  currentProcess,
  duplicate,
  duplicateMany,
  type OwnedHandle,
} from "duphandle";
import { describe, expect, test } from "vitest";
import { notOpen } from "./support/matchers.ts";
import { runProgram } from "./support/program.ts";
import {
  closeRaw,
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
} from "./support/system.ts";
import { thrownBy } from "./support/thrown.ts";
import { canTrace } from "./support/trace.ts";

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
    const closed = openRaw(file.path, "r");
    closeRaw(closed.raw);
    const sources = Array<OwnedHandle>(count).fill(source);
    sources[count >> 1] = closed;
    const error = thrownBy(() => duplicateMany(sources));
    expect(error).toEqual(notOpen);
    expect(error.handle).toBe(closed.raw);
  });

  test.runIf(count > 0)("are all closed, although somebody else has closed one", () => {
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
    closeRaw(sources[70]!.raw);
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

  test.skipIf(isWindows)("at the limit makes none (Windows has no limit that can be set)", () => {
    const { result } = runProgram("batch_limit.ts", {
      prefix: ["prlimit", "--nofile=400:400", "--"],
    });
    expect(result).toEqual({ code: "EMFILE", before: 0, after: 0, works: 300 });
  });

  test.runIf(canTrace)(
    "makes none when the kernel fails in the middle (injected, by strace)",
    () => {
      const fault = (call: string, error: string, when: number) =>
        runProgram("batch_fault.ts", {
          prefix: [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            `trace=${call}`,
            "-e",
            `inject=${call}:error=${error}:when=${when}`,
          ],
        }).result;
      // The way of a batch fails, so one by one it is: the user sees nothing of it. Deno makes a
      // pair of sockets for itself at its start.
      const faults = [["sendmsg", "ENOMEM"], ["recvmsg", "EMFILE"], [
        "socketpair",
        "EMFILE",
      ]] as const;
      for (const [call, error] of isDeno ? faults.slice(0, 2) : faults) {
        expect(fault(call, error, 1), call).toEqual({ made: 600, left: 0 });
      }
    },
  );
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
