/** Another opening of an open file, its path, and locks of its ranges, on Windows. */
import * as fs from "node:fs";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { Peer, startOnce } from "../support/peer.ts";
import { isWindows, NEVER_OPEN, readRaw, temporaryFile } from "../support/system.ts";
import { closeAll, copyOf, openOnce } from "../support/windows_objects.ts";

const FILE_FLAG_OVERLAPPED = 0x4000_0000;
const { FILE_SHARE_READ, GENERIC_READ, GENERIC_WRITE } = win32;
const { LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY } = win32;
const READ_WRITE = (GENERIC_READ | GENERIC_WRITE) >>> 0;
const EXCLUSIVE_NOW = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;

const hasStatus = (status: string) => expect.objectContaining({ status }) as unknown;
const locked = hasStatus("ERROR_LOCK_VIOLATION");
const notOpen = expect.objectContaining({ code: "EBADF", handle: NEVER_OPEN });

function open(file: string, access: number, share = 7, flags = 0): number {
  return win32.CreateFileW(file, access, share, null, win32.OPEN_EXISTING, flags, 0);
}

/** Locks bytes from an offset, at once or not at all. */
function lock(handle: number, Offset: number, length: number, OffsetHigh = 0): void {
  win32.LockFileEx(handle, EXCLUSIVE_NOW, 0, length, 0, { Offset, OffsetHigh });
}

function unlock(handle: number, Offset: number, length: number, OffsetHigh = 0): void {
  win32.UnlockFileEx(handle, 0, length, 0, { Offset, OffsetHigh });
}

beforeAll(async () => {
  if (!isWindows) return;
  await startOnce();
  await openOnce();
});

describe.runIf(isWindows)("ReOpenFile()", () => {
  test("opens the file once more, with a position and with access of its own", () => {
    using file = temporaryFile("abcdef");
    const writer = open(file.path, GENERIC_WRITE);
    const reader = win32.ReOpenFile(writer, GENERIC_READ, 7, 0);
    const second = win32.ReOpenFile(reader, GENERIC_READ, 7, 0);
    expect([readRaw(reader, 2), readRaw(second, 3), readRaw(reader, 2)]).toEqual([
      "ab",
      "abc",
      "cd",
    ]);
    expect(win32.NtQueryObject(reader).GrantedAccess).toBe(win32.FILE_GENERIC_READ);
    expect(win32.GetHandleInformation(reader)).toBe(0);
    expect(win32.CompareObjectHandles(reader, second)).toBe(false);
    closeAll(writer, reader, second);
  });

  test("obeys what the other handles share", () => {
    using file = temporaryFile("abc");
    const first = open(file.path, GENERIC_READ, FILE_SHARE_READ);
    const busy = expect.objectContaining({ code: "EBUSY", status: "ERROR_SHARING_VIOLATION" });
    expect(() => win32.ReOpenFile(first, GENERIC_WRITE, 7, 0)).toThrow(busy);
    win32.CloseHandle(win32.ReOpenFile(first, GENERIC_READ, FILE_SHARE_READ, 0));
    win32.CloseHandle(first);
    expect(() => win32.ReOpenFile(NEVER_OPEN, GENERIC_READ, 7, 0)).toThrow(notOpen);
  });
});

describe.runIf(isWindows)("GetFinalPathNameByHandleW()", () => {
  // Wine has the path of the moment of opening, also after a rename; Windows has that of now.
  test("has the path of the file, in each form of the volume", () => {
    using file = temporaryFile("abc");
    const real = fs.realpathSync.native(file.path);
    const handle = open(file.path, GENERIC_READ);
    const withoutVolume = real.slice(2);
    const pathBy = (form: number) => win32.GetFinalPathNameByHandleW(handle, form);
    expect(pathBy(win32.FILE_NAME_NORMALIZED | win32.VOLUME_NAME_DOS)).toBe(`\\\\?\\${real}`);
    expect(pathBy(win32.VOLUME_NAME_NONE)).toBe(withoutVolume);
    // Of a drive that Wine has made of a folder there is no name of the volume.
    try {
      expect(pathBy(win32.VOLUME_NAME_GUID)).toMatch(/^\\\\\?\\Volume\{.*\}\\/);
    } catch (error) {
      expect(error).toMatchObject({ syscall: "GetFinalPathNameByHandleW" });
    }
    win32.CloseHandle(handle);
  });

  test("says of what is no file, and of what is not open, that it has no path", () => {
    const event = win32.CreateEventW(null, true, false, null);
    const invalid = expect.objectContaining({ syscall: "GetFinalPathNameByHandleW" });
    expect(() => win32.GetFinalPathNameByHandleW(event, 0)).toThrow(invalid);
    win32.CloseHandle(event);
    expect(() => win32.GetFinalPathNameByHandleW(NEVER_OPEN, 0)).toThrow(notOpen);
  });
});

describe.runIf(isWindows)("LockFileEx() and UnlockFileEx()", () => {
  test("an exclusive lock keeps other openings out, and not duplicates of the handle", () => {
    using file = temporaryFile("abcdef");
    const first = open(file.path, READ_WRITE);
    const other = open(file.path, READ_WRITE);
    const copy = copyOf(first);
    lock(first, 1, 3);
    expect(() => lock(other, 2, 1)).toThrow(locked);
    expect(() => lock(copy, 0, 2)).toThrow(locked);
    lock(other, 4, 2); // beside it
    unlock(copy, 1, 3);
    lock(other, 2, 1);
    for (const [at, length] of [[4, 2], [2, 1]] as const) unlock(other, at, length);
    // Wine says that it is locked.
    const notLocked = expect.stringMatching(/^ERROR_NOT_LOCKED$|^ERROR_LOCK_VIOLATION$/) as string;
    expect(() => unlock(other, 2, 1)).toThrow(hasStatus(notLocked));
    closeAll(first, other, copy);
  });

  test("several have a shared lock, and none an exclusive one beside it", () => {
    using file = temporaryFile("abcdef");
    const [first, other] = [open(file.path, READ_WRITE), open(file.path, READ_WRITE)];
    const place = { Offset: 0, OffsetHigh: 0 };
    for (const handle of [first, other]) {
      win32.LockFileEx(handle, LOCKFILE_FAIL_IMMEDIATELY, 0, 6, 0, place);
    }
    expect(() => lock(other, 0, 6)).toThrow(locked);
    for (const handle of [first, other]) unlock(handle, 0, 6);
    lock(other, 0, 6);
    unlock(other, 0, 6);
    closeAll(first, other);
  });

  test("the place has 64 bits", () => {
    using file = temporaryFile("abc");
    const [first, other] = [open(file.path, READ_WRITE), open(file.path, READ_WRITE)];
    lock(first, 8, 4, 3);
    lock(other, 8, 4, 2);
    lock(other, 8, 4);
    expect(() => lock(other, 10, 1, 3)).toThrow(locked);
    unlock(first, 8, 4, 3);
    for (const high of [2, 0]) unlock(other, 8, 4, high);
    closeAll(first, other);
  });

  test("waits until another process unlocks, also with an overlapped handle", async () => {
    using file = temporaryFile("abc");
    for (const flags of [0, FILE_FLAG_OVERLAPPED]) {
      await using peer = await Peer.start();
      const theirs = await peer.do("open", file.path, "r+");
      await peer.do("lock", theirs, 3);
      const handle = open(file.path, READ_WRITE, 7, flags);
      expect(() => lock(handle, 0, 3)).toThrow(locked);
      // It ends itself, and its locks with it, while this process waits in the call.
      void peer.do("exit", 0).catch(() => {});
      const place = { Offset: 0, OffsetHigh: 0 };
      try {
        win32.LockFileEx(handle, LOCKFILE_EXCLUSIVE_LOCK, 0, 3, 0, place);
        unlock(handle, 0, 3);
      } catch (error) {
        // Wine does not wait then, and says that it does: never take that for a lock.
        expect(error).toMatchObject({ code: "ENOTSUP", syscall: "LockFileEx" });
        expect(flags).toBe(FILE_FLAG_OVERLAPPED);
      }
      win32.CloseHandle(handle);
    }
  });

  test("leaves no handle behind when it fails", () => {
    const place = { Offset: 0, OffsetHigh: 0 };
    expect(() => win32.LockFileEx(NEVER_OPEN, 0, 0, 1, 0, place)).toThrow(notOpen);
    expect(() => win32.UnlockFileEx(NEVER_OPEN, 0, 1, 0, place)).toThrow(notOpen);
    for (const bad of [null, 0, {}, { Offset: 0 }, { Offset: -1, OffsetHigh: 0 }]) {
      const wrong = bad as unknown as typeof place;
      expect(() => win32.LockFileEx(8, 0, 0, 1, 0, wrong)).toThrow(TypeError);
    }
  });
});
