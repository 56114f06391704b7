/** The flags of handles in duplicateHandle(): copied from the source, or in the way of closing it. */
import {
  currentProcess,
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  DUPLICATE_SAME_ATTRIBUTES,
  duplicateHandle,
  ForeignHandle,
  openProcess,
  OwnedHandle,
} from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { denied, notOpen, unsupported } from "../support/matchers.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { isProtected, protect, refusedClose, unprotect } from "../support/protected_handles.ts";
import {
  closeRaw,
  isWindows,
  NEVER_OPEN,
  openRaw,
  readRaw,
  temporaryFile,
} from "../support/system.ts";

const same = DUPLICATE_SAME_ACCESS | DUPLICATE_SAME_ATTRIBUTES;
const move = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE;

/** Closes a handle by its number, also one that is protected. */
function closeProtected(raw: number): void {
  unprotect(raw);
  closeRaw(raw);
}

beforeAll(startOnce);

describe("DUPLICATE_SAME_ATTRIBUTES", () => {
  test("has the value of ntifs.h, here and in duphandle/win32", () => {
    expect([DUPLICATE_SAME_ATTRIBUTES, win32.DUPLICATE_SAME_ATTRIBUTES]).toEqual([4, 4]);
  });

  test("makes the duplicate inheritable as its source is, whatever inheritHandle is", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    using self = currentProcess();
    const args = { sourceProcess: self, sourceHandle: source.raw, targetProcess: self };
    const access = { options: DUPLICATE_SAME_ATTRIBUTES, desiredAccess: win32.GENERIC_READ };
    for (const inheritable of [true, false]) {
      source.inheritable = inheritable;
      for (const inheritHandle of [true, false]) {
        for (const options of [{ options: same }, access]) {
          const raw = duplicateHandle({ ...args, ...options, inheritHandle });
          using copy = OwnedHandle.fromRaw(raw);
          expect(copy.inheritable).toBe(inheritable);
        }
      }
    }
    source.inheritable = true;
    using moved = OwnedHandle.fromRaw(
      duplicateHandle({
        ...args,
        sourceHandle: source.duplicate({ inheritable: true }),
        options: 7,
      }),
    );
    expect(moved.inheritable).toBe(true);
  });

  test("is of the source in another process too", async () => {
    using file = temporaryFile("abcdef");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    using other = openProcess(peer.pid);
    using self = currentProcess();
    const args = { sourceProcess: other, sourceHandle: theirs, targetProcess: self, options: same };
    for (const inheritable of [true, false]) {
      await peer.do("setInheritable", theirs, inheritable);
      using taken = OwnedHandle.fromRaw(
        duplicateHandle({ ...args, inheritHandle: !inheritable }),
      );
      expect(taken.inheritable).toBe(inheritable);
    }
    expect(() => duplicateHandle({ ...args, sourceHandle: NEVER_OPEN })).toThrow(notOpen);
  });

  test("of a source that is not open is EBADF", () => {
    using self = currentProcess();
    const args = { sourceProcess: self, sourceHandle: NEVER_OPEN, targetProcess: self };
    expect(() => duplicateHandle({ ...args, options: same })).toThrow(notOpen);
  });

  test.skipIf(isWindows)(
    "into another process is ENOTSUP on Linux, as every duplicate",
    async () => {
      await using peer = await Peer.start();
      using other = openProcess(peer.pid);
      using self = currentProcess();
      const args = { sourceProcess: self, sourceHandle: 1, targetProcess: other, options: same };
      expect(() => duplicateHandle(args)).toThrow(unsupported);
    },
  );

  test.runIf(isWindows)("protects from closing what its source is (Linux has no such flag)", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    using self = currentProcess();
    const { raw } = source;
    const args = { sourceProcess: self, sourceHandle: raw, targetProcess: self };
    for (const inheritable of [true, false]) {
      source.inheritable = inheritable;
      protect(raw);
      const copy = duplicateHandle({ ...args, options: same });
      const narrow = duplicateHandle({
        ...args,
        options: DUPLICATE_SAME_ATTRIBUTES,
        desiredAccess: win32.GENERIC_READ,
      });
      const plain = duplicateHandle(args);
      expect([copy, narrow, plain].map(win32.GetHandleInformation)).toEqual(
        inheritable ? [3, 3, 0] : [2, 2, 0],
      );
      expect(win32.NtQueryObject(narrow).GrantedAccess).toBe(win32.FILE_GENERIC_READ);
      expect(() => closeRaw(copy)).toThrow(refusedClose(copy));
      closeProtected(copy);
      closeProtected(narrow);
      closeRaw(plain);
      unprotect(raw);
    }
  });

  test.runIf(isWindows)("goes into, out of and between other processes", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    await using first = await Peer.start();
    await using second = await Peer.start();
    using one = openProcess(first.pid);
    using two = openProcess(second.pid);
    using self = currentProcess();
    const { raw } = source;
    source.inheritable = true;
    protect(raw);
    const given = duplicateHandle({
      sourceProcess: self,
      sourceHandle: raw,
      targetProcess: one,
      options: same,
    });
    unprotect(raw);
    expect(await first.do("isInheritable", given)).toBe(true);
    const between = duplicateHandle({
      sourceProcess: one,
      sourceHandle: given,
      targetProcess: two,
      options: same,
    });
    expect(await second.do("isInheritable", between)).toBe(true);
    const back = duplicateHandle({
      sourceProcess: two,
      sourceHandle: between,
      targetProcess: self,
      options: same,
    });
    expect(win32.GetHandleInformation(back)).toBe(3);
    expect(readRaw(back, 3) + await second.do("read", between, 3)).toBe("abcdef");
    closeProtected(back);
  });
});

describe.runIf(isWindows)("a source that is protected from closing (Linux has none)", () => {
  test("stays open with DUPLICATE_CLOSE_SOURCE, and its duplicate is returned", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    using self = currentProcess();
    const { raw } = source;
    protect(raw);
    const args = { sourceProcess: self, targetProcess: self, options: move };
    using byNumber = OwnedHandle.fromRaw(duplicateHandle({ ...args, sourceHandle: raw }));
    using byOwner = OwnedHandle.fromRaw(duplicateHandle({ ...args, sourceHandle: source }));
    using byTake = self.take(raw, { closeSource: true });
    expect(source.closed).toBe(false);
    const copies = [byNumber, byOwner, byTake, source];
    expect(copies.map((each) => readRaw(each.raw, 1))).toEqual(["a", "b", "c", "d"]);
    expect(copies.map((each) => isProtected(each.raw))).toEqual([false, false, false, true]);
    const wider = { ...args, options: DUPLICATE_CLOSE_SOURCE, desiredAccess: win32.GENERIC_WRITE };
    expect(() => duplicateHandle({ ...wider, sourceHandle: source })).toThrow(denied);
    expect(readRaw(source.raw, 1)).toBe("e");
    unprotect(raw);
  });

  test("is not closed without a target either, and that is EPERM", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    using self = currentProcess();
    const { raw } = source;
    protect(raw);
    const args = { sourceProcess: self, targetProcess: null, options: DUPLICATE_CLOSE_SOURCE };
    for (const sourceHandle of [raw, source]) {
      expect(() => duplicateHandle({ ...args, sourceHandle })).toThrow(refusedClose(raw));
    }
    expect(source.closed).toBe(false);
    expect(readRaw(source.raw, 6)).toBe("abcdef");
    unprotect(raw);
  });

  test("in another process is copied, and never closed from here", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    using self = currentProcess();
    const { raw } = source;
    protect(raw);
    const theirs = duplicateHandle({
      sourceProcess: self,
      sourceHandle: raw,
      targetProcess: other,
      options: same,
    });
    unprotect(raw);
    using taken = other.take(theirs, { closeSource: true });
    expect(readRaw(taken.raw, 2) + await peer.do("read", theirs, 2)).toBe("abcd");
    const foreign = new ForeignHandle(other, theirs);
    const refused = refusedClose(theirs);
    for (let time = 0; time < 2; time++) expect(() => foreign.close()).toThrow(refused);
    expect(() => foreign.close()).toThrow(`of process ${peer.pid}`);
    const args = { sourceProcess: other, targetProcess: null, options: DUPLICATE_CLOSE_SOURCE };
    expect(() => duplicateHandle({ ...args, sourceHandle: theirs })).toThrow(refused);
    expect(await peer.do("read", theirs, 2)).toBe("ef");
  });
});
