/** The rules of the Win32 call itself. Those of `duplicateHandle()` are in duplicate_handle.test.ts. */
import { openProcess, type OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { denied, notOpen } from "../support/matchers.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { protect, unprotect } from "../support/protected_handles.ts";
import {
  isWindows,
  NEVER_OPEN,
  openRaw,
  readRaw,
  refersTo,
  temporaryFile,
} from "../support/system.ts";

const { DUPLICATE_CLOSE_SOURCE, DUPLICATE_SAME_ACCESS, DUPLICATE_SAME_ATTRIBUTES } = win32;
const { GENERIC_READ, GENERIC_WRITE } = win32;
const both = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE;

function open(path: string, access: number): number {
  return win32.CreateFileW(path, access, 7, null, win32.OPEN_EXISTING, 0x80, 0);
}

/** Opens a file twice: a handle that is to be closed, and a duplicate by which its number is judged. */
function openTwice(path: string): [handle: number, kept: OwnedHandle] {
  const kept = openRaw(path, "r");
  return [kept.duplicate().release(), kept];
}

describe.runIf(isWindows)("DuplicateHandle() on Windows (elsewhere ENOTSUP: win32.test.ts)", () => {
  beforeAll(startOnce);
  const me = isWindows ? win32.GetCurrentProcess() : -1;

  test("close-source closes the source also when the call fails", () => {
    using file = temporaryFile("");
    const [source, kept] = openTwice(file.path);
    const unrelated = open(file.path, GENERIC_READ);
    // A target that is no process.
    expect(() => win32.DuplicateHandle(me, source, unrelated, [0], 0, false, both)).toThrow();
    expect(refersTo(source, kept)).toBe(false);
    win32.CloseHandle(unrelated);
    kept.close();
  });

  test("a null target with close-source closes the source, and says when it was not open", () => {
    using file = temporaryFile("");
    const [source, kept] = openTwice(file.path);
    expect(win32.DuplicateHandle(me, source, 0, null, 0, false, DUPLICATE_CLOSE_SOURCE)).toBe(0);
    expect(refersTo(source, kept)).toBe(false);
    expect(() => win32.DuplicateHandle(me, NEVER_OPEN, 0, null, 0, false, DUPLICATE_CLOSE_SOURCE))
      .toThrow(notOpen);
    kept.close();
  });

  test("close-source leaves a protected source open and succeeds, also with a null target", () => {
    using file = temporaryFile("abc");
    const source = open(file.path, GENERIC_READ);
    protect(source);
    const copy = win32.DuplicateHandle(me, source, me, [0], 0, false, both);
    // Wine 10 reports a failure of every call with a null target.
    expect(win32.DuplicateHandle(me, source, 0, null, 0, false, DUPLICATE_CLOSE_SOURCE)).toBe(0);
    expect([source, copy].map(win32.GetHandleInformation)).toEqual([2, 0]);
    expect(readRaw(copy, 1) + readRaw(source, 2)).toBe("abc");
    unprotect(source);
    for (const handle of [source, copy]) win32.CloseHandle(handle);
  });

  test("DUPLICATE_SAME_ATTRIBUTES copies the flags of the source, and no option has another bit", () => {
    using file = temporaryFile("");
    const source = open(file.path, GENERIC_READ);
    for (const flags of [0, 1, 2, 3]) {
      win32.SetHandleInformation(source, 3, flags);
      for (const inherit of [true, false]) {
        const options = DUPLICATE_SAME_ACCESS | DUPLICATE_SAME_ATTRIBUTES;
        const copy = win32.DuplicateHandle(me, source, me, [0], 0, inherit, options);
        expect(win32.GetHandleInformation(copy), `${flags} ${inherit}`).toBe(flags);
        unprotect(copy);
        win32.CloseHandle(copy);
      }
    }
    unprotect(source);
    expect(() => win32.DuplicateHandle(me, source, me, [0], 0, false, 8)).toThrow(TypeError);
    win32.CloseHandle(source);
  });

  test("a null target without close-source is an error, and the source stays open", () => {
    using file = temporaryFile("");
    const source = open(file.path, GENERIC_READ);
    expect(() => win32.DuplicateHandle(me, source, 0, null, 0, false, DUPLICATE_SAME_ACCESS))
      .toThrow();
    win32.CloseHandle(source);
  });

  // Wine 10 refuses a null target when the source is in another process, and closes nothing.
  // ForeignHandle.close() therefore goes another way.
  test("a null target closes in another process, or throws and closes nothing", async () => {
    using file = temporaryFile("abc");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    using other = openProcess(peer.pid);
    let isClosed = true;
    try {
      win32.DuplicateHandle(other.raw, theirs, 0, null, 0, false, DUPLICATE_CLOSE_SOURCE);
    } catch (error) {
      expect(error).toEqual(notOpen);
      isClosed = false;
    }
    expect(await peer.do("isOpen", theirs)).toBe(!isClosed);
  });

  test("the desired access is ignored with DUPLICATE_SAME_ACCESS, and never wider", () => {
    using file = temporaryFile("abc");
    const source = open(file.path, GENERIC_READ);
    const same = win32.DuplicateHandle(me, source, me, [0], GENERIC_WRITE, false, 2);
    expect(win32.NtQueryObject(same).GrantedAccess).toBe(win32.NtQueryObject(source).GrantedAccess);
    expect(() => win32.WriteFile(same, new Uint8Array(1))).toThrow(denied);
    for (const handle of [source, same]) win32.CloseHandle(handle);
  });

  test("a null source and −1 are refused before the call", async () => {
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    expect(() => win32.DuplicateHandle(me, 0, me, [0], 0, false, both)).toThrow(TypeError);
    // As a C program would do it after a failed CreateFile: never into or out of another process.
    expect(() => win32.DuplicateHandle(me, -1, other.raw, [0], 0, false, both)).toThrow(notOpen);
    expect(() => win32.DuplicateHandle(other.raw, -1, me, [0], 0, false, both)).toThrow(notOpen);
    const real = win32.DuplicateHandle(me, -1, me, [0], 0, false, DUPLICATE_SAME_ACCESS);
    expect(win32.GetProcessId(real)).toBe(process.pid);
    win32.CloseHandle(real);
  });

  test("closing one handle leaves the object alive until the last closes", () => {
    using file = temporaryFile("abcdef");
    const source = open(file.path, GENERIC_READ);
    const copies = [1, 2, 3].map(() => win32.DuplicateHandle(me, source, me, [0], 0, false, 2));
    win32.CloseHandle(source);
    expect(win32.NtQueryObject(copies[0]!).HandleCount).toBe(3);
    expect(copies.map((copy) => readRaw(copy, 2))).toEqual(["ab", "cd", "ef"]);
    for (const copy of copies) win32.CloseHandle(copy);
  });
});
