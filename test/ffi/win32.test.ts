import { borrow, duplicate } from "duphandle";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { win32Arguments } from "../support/raw_arguments.ts";
import { denied, unsupported } from "../support/matchers.ts";
import { protect, refusedClose, unprotect } from "../support/protected_handles.ts";
import { isWindows, NEVER_OPEN, readRaw, temporaryFile } from "../support/system.ts";

const notOpen = expect.objectContaining({
  code: "EBADF",
  status: "ERROR_INVALID_HANDLE",
  native: 6,
});
const { DUPLICATE_CLOSE_SOURCE, DUPLICATE_SAME_ACCESS, GENERIC_READ, GENERIC_WRITE } = win32;

function open(path: string, access: number): number {
  return win32.CreateFileW(path, access, 7, null, win32.OPEN_EXISTING, 0x80, 0);
}

const calls = Object.entries(win32).filter(([, value]) =>
  typeof value === "function" && value !== win32.HandleError
) as [string, (...values: unknown[]) => unknown][];

/** The handles that a call can do without, and what is passed then. */
const optional: readonly (readonly [name: string, at: number, words: string])[] = [
  ["CreateFileMappingW", 0, "INVALID_HANDLE_VALUE for memory without a file"],
  ["CreateFileW", 6, "0 for none"],
  ["CreateIoCompletionPort", 0, "INVALID_HANDLE_VALUE for a port without a file"],
  ["CreateIoCompletionPort", 1, "0 for a new port"],
  ["DuplicateHandle", 2, "0 for none, with DUPLICATE_CLOSE_SOURCE"],
  ["IsProcessInJob", 1, "0 for any job"],
  ["SetStdHandle", 1, "0 for none"],
];

test("a call that can do without a handle says what to pass instead of null", () => {
  for (const [name, at, words] of optional) {
    const call = calls.find(([each]) => each === name)![1];
    const values = win32Arguments[name] as readonly unknown[];
    for (const bad of [null, undefined]) {
      const wrong = () => call(...values.with(at, bad));
      expect(wrong, name).toThrow(TypeError);
      expect(wrong, name).toThrow(`; pass ${words}`);
    }
  }
});

describe.skipIf(isWindows)("duphandle/win32 on POSIX", () => {
  test("every call says what to use instead", () => {
    expect(calls.length).toBeGreaterThan(80);
    for (const [name, call] of calls) {
      const values = win32Arguments[name]!;
      expect(() => call(...values), name).toThrow(
        unsupported,
      );
      expect(() => call(...values), name).toThrow("duphandle/posix");
    }
  });

  test("every call checks each argument before it calls anything", () => {
    for (const [name, call] of calls) {
      // Its argument is an array from MapViewOfFile, which it checks first.
      if (name === "UnmapViewOfFile") continue;
      const values = win32Arguments[name]!;
      expect(values.length, name).toBeGreaterThanOrEqual(call.length);
      for (const at of values.keys()) {
        for (const bad of [NaN, 0.5, 2 ** 53, 5n, Symbol("bad"), true, () => 4]) {
          if (typeof bad === typeof values[at] && typeof bad !== "number") continue;
          if (bad === 5n && name === "SetWaitableTimer" && at === 1) continue;
          expect(() => call(...values.with(at, bad)), `${name}, ${at}: ${String(bad)}`)
            .toThrow(TypeError);
        }
      }
    }
  });
});

describe.runIf(isWindows)("duphandle/win32 (ENOTSUP on POSIX, see above)", () => {
  const me = isWindows ? win32.GetCurrentProcess() : -1;

  test("DuplicateHandle() gives its result both ways, and shares the position", () => {
    using file = temporaryFile("abcdef");
    const source = open(file.path, GENERIC_READ);
    const plain: [number] = [0];
    const typed = new Int32Array(1);
    const returned = win32.DuplicateHandle(me, source, me, plain, 0, true, DUPLICATE_SAME_ACCESS);
    win32.DuplicateHandle(me, source, me, typed, 0, false, DUPLICATE_SAME_ACCESS);
    expect(returned).toBe(plain[0]);
    expect(new Set([source, plain[0], typed[0]]).size).toBe(3);
    expect(readRaw(source, 2) + readRaw(plain[0], 2) + readRaw(typed[0]!, 2)).toBe("abcdef");
    expect([source, plain[0], typed[0]!].map(win32.GetHandleInformation)).toEqual([0, 1, 0]);
    expect(win32.NtQueryObject(source).HandleCount).toBe(3);
    for (const handle of [source, plain[0], typed[0]!]) win32.CloseHandle(handle);
  });

  test("DUPLICATE_CLOSE_SOURCE closes the source", () => {
    using file = temporaryFile("abcdef");
    const source = open(file.path, GENERIC_READ);
    const options = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE;
    const copy = win32.DuplicateHandle(me, source, me, [0], 0, false, options);
    expect(readRaw(copy, 3)).toBe("abc");
    expect(win32.NtQueryObject(copy).HandleCount).toBe(1);
    win32.CloseHandle(copy);
  });

  test("the desired access narrows the handle, and is ignored with DUPLICATE_SAME_ACCESS", () => {
    using file = temporaryFile("abcdef");
    const source = open(file.path, (GENERIC_READ | GENERIC_WRITE) >>> 0);
    const narrow = win32.DuplicateHandle(me, source, me, [0], GENERIC_READ, false, 0);
    const same = win32.DuplicateHandle(me, source, me, [0], GENERIC_READ, false, 2);
    expect(win32.NtQueryObject(narrow).GrantedAccess).toBe(win32.FILE_GENERIC_READ);
    expect(win32.NtQueryObject(same).GrantedAccess).toBe(win32.NtQueryObject(source).GrantedAccess);
    expect(() => win32.WriteFile(narrow, new Uint8Array(1))).toThrow(denied);
    expect(win32.WriteFile(same, new Uint8Array(1))).toBe(1);
    for (const handle of [source, narrow, same]) win32.CloseHandle(handle);
  });

  test("pseudo-handles of process and thread become real handles", () => {
    const process_ = win32.DuplicateHandle(me, me, me, [0], 0, false, DUPLICATE_SAME_ACCESS);
    const thread = win32.GetCurrentThread();
    const real = win32.DuplicateHandle(me, thread, me, [0], 0, false, DUPLICATE_SAME_ACCESS);
    expect([me, thread]).toEqual([-1, -2]);
    expect(process_).toBeGreaterThan(0);
    expect(real).toBeGreaterThan(0);
    expect(win32.GetProcessId(process_)).toBe(process.pid);
    expect(win32.GetThreadId(real)).toBe(win32.GetThreadId(thread));
    win32.CloseHandle(process_);
    win32.CloseHandle(real);
  });

  test("borrow() takes the pseudo-handle of the thread, and duplicate() makes it real", () => {
    using real = duplicate(borrow(win32.GetCurrentThread()), { inheritable: true });
    expect(win32.GetThreadId(real.raw)).toBe(win32.GetThreadId(win32.GetCurrentThread()));
    expect(win32.GetHandleInformation(real.raw)).toBe(win32.HANDLE_FLAG_INHERIT);
    expect(() => borrow(me)).toThrow("what a failed call returns");
  });

  test("-1 as a source stays in this process", () => {
    const other = win32.DuplicateHandle(me, me, me, [0], 0, false, DUPLICATE_SAME_ACCESS);
    expect(() => win32.DuplicateHandle(me, -1, other, [0], 0, false, DUPLICATE_SAME_ACCESS))
      .toThrow(expect.objectContaining({ code: "EBADF", handle: -1 }));
    win32.CloseHandle(other);
  });

  test("CloseHandle() throws for a handle that is not open and for a protected one", () => {
    const [reader, writer] = win32.CreatePipe();
    win32.CloseHandle(reader);
    expect(() => win32.CloseHandle(NEVER_OPEN)).toThrow(notOpen);
    protect(writer);
    expect(() => win32.CloseHandle(writer)).toThrow(refusedClose(writer));
    expect(win32.GetHandleInformation(writer)).toBe(win32.HANDLE_FLAG_PROTECT_FROM_CLOSE);
    unprotect(writer);
    win32.CloseHandle(writer);
    expect(() => win32.CloseHandle(-1)).toThrow(TypeError);
  });

  test("SetHandleInformation() changes one handle, not its duplicates", () => {
    const [reader, writer] = win32.CreatePipe({ bInheritHandle: true });
    expect([reader, writer].map(win32.GetHandleInformation)).toEqual([1, 1]);
    const copy = win32.DuplicateHandle(me, reader, me, [0], 0, false, DUPLICATE_SAME_ACCESS);
    win32.SetHandleInformation(copy, 1, 1);
    win32.SetHandleInformation(reader, 1, 0);
    expect([reader, copy].map(win32.GetHandleInformation)).toEqual([0, 1]);
    for (const handle of [reader, writer, copy]) win32.CloseHandle(handle);
  });

  test("GetFileType() and GetStdHandle() return types and handles", () => {
    using file = temporaryFile("abc");
    const disk = open(file.path, GENERIC_READ);
    const [reader, writer] = win32.CreatePipe();
    const real = win32.DuplicateHandle(me, me, me, [0], 0, false, DUPLICATE_SAME_ACCESS);
    expect([disk, reader, real].map(win32.GetFileType)).toEqual([
      win32.FILE_TYPE_DISK,
      win32.FILE_TYPE_PIPE,
      win32.FILE_TYPE_UNKNOWN,
    ]);
    expect(win32.GetStdHandle(win32.STD_OUTPUT_HANDLE)).not.toBe(0);
    expect(() => win32.GetStdHandle(7)).toThrow(notOpen);
    expect(() => win32.SetStdHandle(7, 4)).toThrow(notOpen);
    const before = win32.GetStdHandle(win32.STD_INPUT_HANDLE);
    win32.SetStdHandle(win32.STD_INPUT_HANDLE, 4);
    expect(win32.GetStdHandle(win32.STD_INPUT_HANDLE)).toBe(4);
    win32.SetStdHandle(win32.STD_INPUT_HANDLE, before);
    // Wine 10 always returns 0; Windows returns the count.
    expect(win32.GetProcessHandleCount(me)).toBeGreaterThanOrEqual(0);
    for (const handle of [disk, reader, writer, real]) win32.CloseHandle(handle);
  });

  test("ReadFile() returns 0 at the end of a pipe, and errors name the call and the handle", () => {
    const [reader, writer] = win32.CreatePipe(null, 4096);
    win32.WriteFile(writer, new TextEncoder().encode("abc"), 2);
    const buffer = new Uint8Array(8);
    expect(win32.ReadFile(reader, buffer, 1)).toBe(1);
    expect(win32.ReadFile(reader, buffer)).toBe(1);
    win32.CloseHandle(writer);
    expect(win32.ReadFile(reader, buffer)).toBe(0);
    win32.CloseHandle(reader);
    expect(() => win32.ReadFile(NEVER_OPEN, buffer)).toThrow(notOpen);
    expect(() => win32.ReadFile(NEVER_OPEN, buffer)).toThrow(
      expect.objectContaining({ syscall: "ReadFile", handle: NEVER_OPEN }),
    );
    expect(() => open("C:\\no such file", GENERIC_READ)).toThrow(
      expect.objectContaining({ code: "ENOENT", status: "ERROR_FILE_NOT_FOUND", native: 2 }),
    );
  });

  test("SetFilePointerEx() moves beyond 32 bits", () => {
    using file = temporaryFile("abc");
    const handle = open(file.path, GENERIC_READ);
    expect(win32.SetFilePointerEx(handle, 5_000_000_000, win32.FILE_BEGIN)).toBe(5_000_000_000);
    expect(win32.SetFilePointerEx(handle, -1, win32.FILE_CURRENT)).toBe(4_999_999_999);
    expect(win32.SetFilePointerEx(handle, 0, win32.FILE_END)).toBe(3);
    win32.CloseHandle(handle);
  });
});
