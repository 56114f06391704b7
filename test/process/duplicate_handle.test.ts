import * as fs from "node:fs";
import {
  borrow,
  currentProcess,
  duplicate,
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  duplicateHandle,
  ForeignHandle,
  isSameObject,
  openProcess,
  OwnedHandle,
  type ProcessHandle,
} from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { denied, notOpen, unsupported } from "../support/matchers.ts";
import { Peer, startOnce } from "../support/peer.ts";
import {
  closeRaw,
  isWindows,
  NEVER_OPEN,
  openRaw,
  readRaw,
  refersTo,
  temporaryFile,
  writeRaw,
} from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

const { GENERIC_READ, GENERIC_WRITE } = win32;
const both = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE;

/** This process, for a test. */
const me = currentProcess;

/** Whether a handle of another process is open there and refers to the object of one of ours. */
function refersToIn(process: ProcessHandle, raw: number, other: OwnedHandle): boolean {
  try {
    using taken = process.take(raw);
    return isSameObject(taken, other);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EBADF") return false;
    throw error;
  }
}

beforeAll(startOnce);

describe("duplicateHandle() within this process", () => {
  test("gives a raw handle to the same object, inheritable only when requested", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    using self = me();
    const args = { sourceProcess: self, sourceHandle: source.raw, targetProcess: self };
    using plain = OwnedHandle.fromRaw(duplicateHandle(args));
    using inherited = OwnedHandle.fromRaw(duplicateHandle({ ...args, inheritHandle: true }));
    expect([plain.inheritable, inherited.inheritable]).toEqual([false, true]);
    expect(readRaw(plain.raw, 2) + readRaw(inherited.raw, 2) + readRaw(source.raw, 2))
      .toBe("abcdef");
  });

  test("narrows to the desired access, which is ignored with DUPLICATE_SAME_ACCESS", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    using self = me();
    const args = {
      sourceProcess: self,
      sourceHandle: source,
      targetProcess: self,
      desiredAccess: GENERIC_READ,
    };
    using narrow = OwnedHandle.fromRaw(duplicateHandle(args));
    using same = OwnedHandle.fromRaw(
      duplicateHandle({ ...args, options: DUPLICATE_SAME_ACCESS }),
    );
    expect(readRaw(narrow.raw, 2)).toBe("ab");
    expect(() => writeRaw(narrow.raw, "x")).toThrow();
    expect(writeRaw(same.raw, "x")).toBe(1);
  });

  test("refuses wider access, and then with DUPLICATE_CLOSE_SOURCE the source is closed", () => {
    using file = temporaryFile("abcdef");
    using kept = openRaw(file.path, "r");
    const raw = kept.duplicate().release();
    using self = me();
    const args = {
      sourceProcess: self,
      sourceHandle: raw,
      targetProcess: self,
      desiredAccess: GENERIC_WRITE,
    };
    expect(() => duplicateHandle(args)).toThrow(denied);
    expect(refersTo(raw, kept)).toBe(true);
    expect(() => duplicateHandle({ ...args, options: DUPLICATE_CLOSE_SOURCE })).toThrow(denied);
    expect(refersTo(raw, kept)).toBe(false);
  });

  test("DUPLICATE_CLOSE_SOURCE closes the source: its owner knows, a borrower is refused", () => {
    using file = temporaryFile("abcdef");
    const source = openRaw(file.path, "r");
    using self = me();
    const args = { sourceProcess: self, targetProcess: self, options: both };
    expect(() => duplicateHandle({ ...args, sourceHandle: source.borrow() })).toThrow(TypeError);
    const raw = duplicateHandle({ ...args, sourceHandle: source });
    expect(source.closed).toBe(true);
    using last = OwnedHandle.fromRaw(duplicateHandle({ ...args, sourceHandle: raw }));
    expect(refersTo(raw, last)).toBe(false);
    expect(readRaw(last.raw, 6)).toBe("abcdef");
  });

  test("no target with DUPLICATE_CLOSE_SOURCE closes the source, and without it is EINVAL", () => {
    using file = temporaryFile("");
    using kept = openRaw(file.path, "r");
    const raw = kept.duplicate().release();
    using self = me();
    const args = { sourceProcess: self, sourceHandle: raw, targetProcess: null };
    expect(() => duplicateHandle(args)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(refersTo(raw, kept)).toBe(true);
    expect(duplicateHandle({ ...args, options: DUPLICATE_CLOSE_SOURCE })).toBe(0);
    expect(refersTo(raw, kept)).toBe(false);
    const second = openRaw(file.path, "r");
    const owned = { ...args, sourceHandle: second, options: DUPLICATE_CLOSE_SOURCE };
    expect(duplicateHandle(owned)).toBe(0);
    expect(second.closed).toBe(true);
    expect(() => duplicateHandle(owned)).toThrow(notOpen);
  });

  test("a source that is not open, and a target that is no process", () => {
    using file = temporaryFile("");
    using kept = openRaw(file.path, "r");
    const raw = kept.duplicate().release();
    using self = me();
    expect(() =>
      duplicateHandle({
        sourceProcess: self,
        sourceHandle: raw,
        targetProcess: kept,
        options: both,
      })
    ).toThrow(isWindows ? notOpen : unsupported);
    // The source is closed with a bad target as well.
    expect(refersTo(raw, kept)).toBe(false);
    const args = { sourceProcess: self, sourceHandle: NEVER_OPEN, targetProcess: self };
    expect(() => duplicateHandle(args)).toThrow(notOpen);
  });

  test("refuses −1 as a source unless it comes from currentProcess()", () => {
    using self = me();
    const args = { sourceProcess: self, targetProcess: self };
    expect(() => duplicateHandle({ ...args, sourceHandle: -1 })).toThrow(
      expect.objectContaining({
        name: "TypeError",
        message: expect.stringMatching(/-1 .*what a failed call returns/) as string,
      }),
    );
    using real = OwnedHandle.fromRaw(duplicateHandle({ ...args, sourceHandle: self }));
    expect(real.raw).toBeGreaterThan(2);
    if (isWindows) expect(win32.GetProcessId(real.raw)).toBe(process.pid);
  });

  test("takes a real handle of this process for this process", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    using self = me();
    using real = self.duplicate();
    for (const process of [real, real.borrow(), real.raw]) {
      const pairs = [[self, process], [process, self], [process, process]] as const;
      for (const [sourceProcess, targetProcess] of pairs) {
        for (const sourceHandle of [source, source.raw]) {
          const args = { sourceProcess, sourceHandle, targetProcess };
          using copy = OwnedHandle.fromRaw(duplicateHandle(args));
          expect(isSameObject(copy, source)).toBe(true);
          const reading = { ...args, desiredAccess: GENERIC_READ };
          using reader = OwnedHandle.fromRaw(duplicateHandle(reading));
          expect(() => writeRaw(reader.raw, "x")).toThrow();
        }
      }
      const owned = source.duplicate();
      const close = { sourceProcess: process, targetProcess: null, options: both };
      expect(duplicateHandle({ ...close, sourceHandle: owned })).toBe(0);
      expect(owned.closed).toBe(true);
      expect(() => duplicateHandle({ ...close, sourceHandle: -1 })).toThrow(TypeError);
    }
  });

  test.runIf(isWindows)("but not one without the right to duplicate (Linux has none)", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    using self = me();
    const { PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_DUP_HANDLE } = win32;
    using weak = self.duplicate({ access: PROCESS_QUERY_LIMITED_INFORMATION });
    using strong = self.duplicate({ access: PROCESS_DUP_HANDLE });
    const args = { sourceHandle: source.raw, targetProcess: self };
    expect(() => duplicateHandle({ ...args, sourceProcess: weak })).toThrow(denied);
    const made = duplicateHandle({ ...args, sourceProcess: strong });
    expect(isSameObject(OwnedHandle.fromRaw(made), source)).toBe(true);
    closeRaw(made);
  });

  test("refuses arguments that are not of their kind, and closes nothing", () => {
    using file = temporaryFile("ab");
    using source = openRaw(file.path, "r");
    using self = me();
    const good = { sourceProcess: self, sourceHandle: source.raw, targetProcess: self };
    const bad: object[] = [
      { sourceProcess: undefined },
      { sourceProcess: "me" },
      { sourceProcess: isWindows ? 0 : -1 },
      { sourceHandle: isWindows ? 0 : -2 },
      { sourceHandle: null },
      { sourceHandle: 1.5 },
      { targetProcess: undefined },
      { targetProcess: NaN },
      { options: 8 },
      { options: "SAME_ACCESS" },
      { desiredAccess: 2 ** 32 },
      { inheritHandle: 1 },
      { inherit: true },
    ];
    for (const change of bad) {
      const args = { options: both, ...good, ...change };
      expect(() => duplicateHandle(args), JSON.stringify(change)).toThrow(TypeError);
    }
    expect(() => duplicateHandle(undefined as never)).toThrow(TypeError);
    const noTarget = { ...good, targetProcess: undefined as never };
    expect(() => duplicateHandle(noTarget)).toThrow("or null for none");
    if (isWindows) {
      expect(() => duplicateHandle({ ...good, targetProcess: 0 })).toThrow("pass null");
    }
    expect(readRaw(source.raw, 2)).toBe("ab");
  });
});

describe("duplicateHandle() between processes", () => {
  test("takes from another process", async () => {
    using file = temporaryFile("abcdef");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r+");
    using other = openProcess(peer.pid);
    using self = me();
    const args = { sourceProcess: other, sourceHandle: theirs, targetProcess: self };
    using taken = OwnedHandle.fromRaw(duplicateHandle(args));
    expect(readRaw(taken.raw, 2) + await peer.do("read", theirs, 2)).toBe("abcd");
    using reader = OwnedHandle.fromRaw(duplicateHandle({ ...args, desiredAccess: GENERIC_READ }));
    expect(() => writeRaw(reader.raw, "x")).toThrow();
    expect(() => duplicateHandle({ ...args, sourceHandle: NEVER_OPEN })).toThrow(notOpen);
    expect(() => duplicateHandle({ ...args, sourceHandle: -1 })).toThrow(TypeError);
    expect(() => duplicateHandle({ ...args, sourceHandle: taken })).toThrow(TypeError);
  });

  test.runIf(isWindows)("works from a second process to a third (Linux: ENOTSUP)", async () => {
    using file = temporaryFile("abcdef");
    await using source = await Peer.start();
    await using target = await Peer.start();
    const theirs = await source.do("open", file.path, "r+");
    using from = openProcess(source.pid);
    using to = openProcess(target.pid);
    const args = { sourceProcess: from, sourceHandle: theirs, targetProcess: to };
    const raw = duplicateHandle({ ...args, inheritHandle: true });
    expect(await source.do("read", theirs, 2) + await target.do("read", raw, 2)).toBe("abcd");
    expect(await target.do("isInheritable", raw)).toBe(true);
    const reader = duplicateHandle({ ...args, desiredAccess: GENERIC_READ });
    await expect(target.do("write", reader, "x")).rejects.toMatchObject({ code: "EACCES" });
    // Wider access than the source has: refused, and the source is closed nevertheless.
    const readOnly = await source.do("open", file.path, "r");
    const wider = { ...args, sourceHandle: readOnly, desiredAccess: GENERIC_WRITE };
    using keptReader = from.take(readOnly);
    expect(() => duplicateHandle({ ...wider, options: DUPLICATE_CLOSE_SOURCE })).toThrow(denied);
    expect(refersToIn(from, readOnly, keptReader)).toBe(false);
    // Moved: the source process no longer has it.
    using kept = from.take(theirs);
    const moved = duplicateHandle({ ...args, options: both });
    expect(refersToIn(from, theirs, kept)).toBe(false);
    expect(await target.do("read", moved, 2)).toBe("ef");
  });

  test.runIf(isWindows)("gives to another process, and closes there without a target", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    using self = me();
    const given = duplicateHandle({
      sourceProcess: self,
      sourceHandle: source,
      targetProcess: other,
    });
    expect(await peer.do("read", given, 6)).toBe("abcdef");
    const foreign = new ForeignHandle(other, given);
    const close = { sourceProcess: other, targetProcess: null, options: DUPLICATE_CLOSE_SOURCE };
    expect(duplicateHandle({ ...close, sourceHandle: foreign })).toBe(0);
    expect(refersToIn(other, given, source)).toBe(false);
    expect(() => duplicateHandle({ ...close, sourceHandle: NEVER_OPEN })).toThrow(notOpen);
  });

  test.runIf(isWindows)(
    "a duplicated pseudo-handle differs from −1 and works from another process",
    async () => {
      await using peer = await Peer.start();
      await using third = await Peer.start();
      using other = openProcess(peer.pid);
      using self = me();
      const raw = duplicateHandle({
        sourceProcess: self,
        sourceHandle: self,
        targetProcess: other,
        desiredAccess: win32.SYNCHRONIZE,
      });
      expect(raw).not.toBe(-1);
      // It refers to this process, not to the process that uses it.
      expect(await peer.do("isSignalled", raw)).toBe(false);
      using thirdProcess = openProcess(third.pid);
      const dying = other.give(thirdProcess);
      expect(await peer.do("isSignalled", dying.raw)).toBe(false);
      await third.kill();
      expect(await peer.do("isSignalled", dying.raw)).toBe(true);
      using _real = duplicate(borrow(win32.GetCurrentThread()));
    },
  );

  test.skipIf(isWindows)("says on Linux what is impossible, and what to use instead", async () => {
    using file = temporaryFile("abcdef");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    using other = openProcess(peer.pid);
    using self = me();
    const cases = [
      { sourceProcess: self, sourceHandle: 1, targetProcess: other },
      { sourceProcess: other, sourceHandle: theirs, targetProcess: other },
      { sourceProcess: other, sourceHandle: theirs, targetProcess: self, options: both },
      { sourceProcess: other, sourceHandle: theirs, targetProcess: null, options: 1 },
      { sourceProcess: other, sourceHandle: theirs, targetProcess: self, desiredAccess: 0 },
    ];
    for (const args of cases) expect(() => duplicateHandle(args)).toThrow(unsupported);
    expect(thrownBy(() => duplicateHandle(cases[0]!)).message).toMatch(/use a channel/);
    expect(thrownBy(() => duplicateHandle(cases[2]!)).message).toMatch(/ask it to/);
    expect(await peer.do("read", theirs, 6)).toBe("abcdef");
  });

  test.skipIf(isWindows)("takes a pidfd as a process", async () => {
    await using peer = await Peer.start();
    const theirs = await peer.do("open", import.meta.filename, "r");
    using other = openProcess(peer.pid);
    using self = me();
    for (const sourceProcess of [other.raw, other.borrow()]) {
      const raw = duplicateHandle({ sourceProcess, sourceHandle: theirs, targetProcess: self });
      expect(fs.readlinkSync(`/proc/self/fd/${raw}`)).toBe(import.meta.filename);
      closeRaw(raw);
      const foreign = new ForeignHandle(other, theirs);
      const known = { sourceProcess, sourceHandle: foreign, targetProcess: self };
      closeRaw(duplicateHandle(known));
    }
  });
});
