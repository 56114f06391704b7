import { spawn } from "node:child_process";
import { once } from "node:events";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { isWindows, readRaw, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import {
  closeAll,
  copyOf,
  freshName,
  openOnce,
  signalled,
  startChild,
} from "../support/windows_objects.ts";

const { INVALID_HANDLE_VALUE, PAGE_READWRITE, WAIT_ABANDONED, WAIT_OBJECT_0, WAIT_TIMEOUT } = win32;
const me = -1;

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function memory(size: number): number {
  return win32.CreateFileMappingW(INVALID_HANDLE_VALUE, null, PAGE_READWRITE, 0, size, null);
}

beforeAll(openOnce);

describe.runIf(isWindows)("a duplicate and its source are one object", () => {
  test("event: set and reset through one, seen through the other", () => {
    const event = win32.CreateEventW(null, true, false, null);
    const copy = copyOf(event);
    expect([signalled(event), signalled(copy)]).toEqual([false, false]);
    win32.SetEvent(copy);
    expect([signalled(event), signalled(copy)]).toEqual([true, true]);
    win32.ResetEvent(event);
    expect(signalled(copy)).toBe(false);
    closeAll(event, copy);
  });

  test("event: its name lasts until both handles are closed", () => {
    const name = freshName();
    const event = win32.CreateEventW({ bInheritHandle: true }, false, true, name);
    const copy = copyOf(event);
    expect([event, copy].map(win32.GetHandleInformation)).toEqual([1, 0]);
    win32.CloseHandle(event);
    const again = win32.OpenEventW(win32.SYNCHRONIZE, false, name);
    expect(signalled(again)).toBe(true);
    expect(signalled(copy)).toBe(false); // one wait reset it for all
    expect(thrownBy(() => win32.SetEvent(again))).toMatchObject({ code: "EACCES" });
    closeAll(again, copy);
    expect(thrownBy(() => win32.OpenEventW(win32.SYNCHRONIZE, false, name))).toMatchObject({
      code: "ENOENT",
      status: "ERROR_FILE_NOT_FOUND",
      syscall: "OpenEventW",
    });
  });

  test("mutex: owned through one, released through the other", () => {
    const name = freshName();
    const mutex = win32.CreateMutexW(null, true, name);
    const copy = copyOf(mutex);
    win32.ReleaseMutex(copy);
    expect(thrownBy(() => win32.ReleaseMutex(mutex))).toMatchObject({
      code: "EPERM",
      status: "ERROR_NOT_OWNER",
      native: 288,
    });
    expect(win32.WaitForSingleObject(mutex, 0)).toBe(WAIT_OBJECT_0);
    win32.CloseHandle(mutex);
    const again = win32.OpenMutexW(win32.SYNCHRONIZE, false, name);
    win32.ReleaseMutex(copy);
    closeAll(again, copy);
    expect(thrownBy(() => win32.OpenMutexW(win32.SYNCHRONIZE, false, name)).code).toBe("ENOENT");
  });

  test("semaphore: counted through both", () => {
    const name = freshName();
    const semaphore = win32.CreateSemaphoreW(null, 1, 3, name);
    const copy = copyOf(semaphore);
    const again = win32.OpenSemaphoreW(win32.SEMAPHORE_ALL_ACCESS, false, name);
    expect(win32.ReleaseSemaphore(copy, 1)).toBe(1);
    expect([semaphore, again, copy].map(signalled)).toEqual([true, true, false]);
    expect(win32.ReleaseSemaphore(semaphore, 3)).toBe(0);
    expect(thrownBy(() => win32.ReleaseSemaphore(copy, 1))).toMatchObject({
      code: "EOVERFLOW",
      status: "ERROR_TOO_MANY_POSTS",
    });
    closeAll(semaphore, again, copy);
  });

  test("waitable timer: set through one, cancelled and waited for through the other", () => {
    const name = freshName();
    const timer = win32.CreateWaitableTimerW(null, true, name);
    const copy = copyOf(timer);
    const again = win32.OpenWaitableTimerW(win32.TIMER_ALL_ACCESS, false, name);
    win32.SetWaitableTimer(timer, -10_000n, 0, null, null, false);
    expect(win32.WaitForSingleObject(copy, win32.INFINITE)).toBe(WAIT_OBJECT_0);
    win32.SetWaitableTimer(copy, -36_000_000_000, 0, null, null, false);
    expect(signalled(timer)).toBe(false);
    // Again and again, each millisecond, until it is cancelled.
    const ticking = win32.CreateWaitableTimerW(null, false, null);
    const other = copyOf(ticking);
    win32.SetWaitableTimer(ticking, -1, 1, null, null, false);
    for (let tick = 0; tick < 3; tick++) win32.WaitForSingleObject(other, win32.INFINITE);
    win32.CancelWaitableTimer(other);
    signalled(ticking);
    expect(win32.WaitForSingleObject(ticking, 50)).toBe(WAIT_TIMEOUT);
    closeAll(ticking, other);
    closeAll(timer, copy, again);
  });

  test("file mapping: written through one, read through the other", () => {
    const name = freshName();
    const args = [PAGE_READWRITE, 0, 4096, name] as const;
    const mapping = win32.CreateFileMappingW(INVALID_HANDLE_VALUE, null, ...args);
    const copy = copyOf(mapping);
    const again = win32.OpenFileMappingW(win32.FILE_MAP_READ, false, name);
    const written = win32.MapViewOfFile(mapping, win32.FILE_MAP_WRITE, 0, 0, 10);
    const read = win32.MapViewOfFile(copy, win32.FILE_MAP_READ, 0, 0, 0);
    const readAgain = win32.MapViewOfFile(again, win32.FILE_MAP_READ, 0, 0, 5);
    written.set(new TextEncoder().encode("0123456789"));
    expect([written.length, read.length, readAgain.length]).toEqual([10, 4096, 5]);
    expect(text(read.subarray(0, 10))).toBe("0123456789");
    expect(text(readAgain)).toBe("01234");
    const denied = thrownBy(() => win32.MapViewOfFile(again, win32.FILE_MAP_WRITE, 0, 0, 5));
    expect(denied).toMatchObject({ code: "EACCES", syscall: "MapViewOfFile", handle: again });
    for (const view of [written, read, readAgain]) {
      win32.UnmapViewOfFile(view);
      // Node 20 cannot take an array's memory away.
      if ("transfer" in ArrayBuffer.prototype) expect(view.length).toBe(0);
      expect(() => win32.UnmapViewOfFile(view)).toThrow(TypeError);
    }
    closeAll(mapping, copy, again);
  });

  test("file mapping: of a file, and what is written into a copy stays there", () => {
    using file = temporaryFile("abcdef");
    const handle = win32.CreateFileW(file.path, win32.GENERIC_READ, 7, null, 3, 0x80, 0);
    const mapping = win32.CreateFileMappingW(handle, null, win32.PAGE_WRITECOPY, 0, 0, null);
    const copy = copyOf(mapping);
    closeAll(handle, mapping);
    const view = win32.MapViewOfFile(copy, win32.FILE_MAP_COPY, 0, 0, 6);
    const read = win32.MapViewOfFile(copy, win32.FILE_MAP_READ, 0, 0, 6);
    view[0] = 0x5a;
    expect([text(view), text(read)]).toEqual(["Zbcdef", "abcdef"]);
    win32.UnmapViewOfFile(view);
    win32.UnmapViewOfFile(read);
    win32.CloseHandle(copy);
  });

  test("thread: opened by its identifier, which the duplicate has", () => {
    const id = win32.GetCurrentThreadId();
    const rights = win32.THREAD_QUERY_LIMITED_INFORMATION | win32.SYNCHRONIZE;
    const thread = win32.OpenThread(rights, false, id);
    const copy = copyOf(thread);
    expect([thread, copy].map(win32.GetThreadId)).toEqual([id, id]);
    expect(signalled(copy)).toBe(false);
    closeAll(thread, copy);
    // Numbers of threads and processes are multiples of 4, but for their low two bits.
    expect(thrownBy(() => win32.OpenThread(rights, false, 0xffff_fffc))).toMatchObject({
      code: "ESRCH",
      status: "ERROR_INVALID_PARAMETER",
      native: 87,
      syscall: "OpenThread",
    });
  });

  test("process: ended and queried through the duplicate", async () => {
    const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
    const exited = once(child, "exit");
    const rights = win32.PROCESS_QUERY_LIMITED_INFORMATION | win32.SYNCHRONIZE;
    const handle = win32.OpenProcess(rights, false, child.pid!);
    const copy = copyOf(handle);
    win32.CloseHandle(handle);
    expect(win32.GetProcessId(copy)).toBe(child.pid);
    expect(win32.WaitForSingleObject(copy, win32.INFINITE)).toBe(WAIT_OBJECT_0);
    expect(win32.GetExitCodeProcess(copy)).toBe(0);
    expect(thrownBy(() => win32.TerminateProcess(copy, 1)).code).toBe("EACCES");
    win32.CloseHandle(copy);
    await exited;
    expect(win32.GetExitCodeProcess(me)).toBe(win32.STILL_ACTIVE);
    expect(win32.GetCurrentProcessId()).toBe(process.pid);
    const none = thrownBy(() => win32.OpenProcess(rights, false, 0xffff_fffc));
    expect(none).toMatchObject({ code: "ESRCH", native: 87, syscall: "OpenProcess" });
    expect(none.message).toContain("process 4294967292: no such process");
  });

  test("job: the duplicate ends what was put in through the source", async () => {
    await using child = startChild("ffi/win32_objects.ts");
    const name = freshName();
    const process_ = win32.OpenProcess(win32.PROCESS_ALL_ACCESS, false, child.pid);
    const job = win32.CreateJobObjectW(null, name);
    const copy = copyOf(job);
    expect(win32.IsProcessInJob(process_, copy)).toBe(false);
    win32.AssignProcessToJobObject(job, process_);
    expect(win32.IsProcessInJob(process_, copy)).toBe(true);
    win32.CloseHandle(job);
    const again = win32.OpenJobObjectW(win32.JOB_OBJECT_QUERY, false, name);
    expect(win32.IsProcessInJob(process_, again)).toBe(true);
    expect(thrownBy(() => win32.TerminateJobObject(again, 1)).code).toBe("EACCES");
    win32.TerminateJobObject(copy, 43);
    expect(win32.WaitForSingleObject(process_, win32.INFINITE)).toBe(WAIT_OBJECT_0);
    expect(win32.GetExitCodeProcess(process_)).toBe(43);
    closeAll(copy, again, process_);
    expect(await child.ended()).toBe(43);
  });
});

describe.runIf(isWindows)("a duplicate in another process is the same object", () => {
  test("event, mutex, semaphore, file mapping, process, job and file", async () => {
    await using child = startChild("ffi/win32_objects.ts");
    using file = temporaryFile("abcdef");
    const process_ = win32.OpenProcess(win32.PROCESS_ALL_ACCESS, false, child.pid);
    const objects = {
      event: win32.CreateEventW(null, true, false, null),
      mutex: win32.CreateMutexW(null, false, null),
      semaphore: win32.CreateSemaphoreW(null, 1, 5, null),
      mapping: memory(4096),
      parent: win32.OpenProcess(0x1000, false, process.pid),
      job: win32.CreateJobObjectW(null, null),
      file: win32.CreateFileW(file.path, win32.GENERIC_READ, 7, null, 3, 0x80, 0),
    };
    win32.AssignProcessToJobObject(objects.job, process_);
    const view = win32.MapViewOfFile(objects.mapping, win32.FILE_MAP_WRITE, 0, 0, 64);
    view.set(new TextEncoder().encode("from parent"));
    child.tell(
      "handles",
      Object.fromEntries(Object.entries(objects).map(([kind, raw]) => [kind, child.give(raw)])),
    );
    expect(await child.hear("used")).toEqual({
      read: "from parent",
      fromFile: "abc",
      semaphoreBefore: 1,
      mutex: WAIT_OBJECT_0,
      parent: process.pid,
    });
    expect(await child.ended()).toBe(42);
    expect(signalled(objects.event)).toBe(true);
    expect(win32.WaitForSingleObject(objects.mutex, 0)).toBe(WAIT_ABANDONED);
    expect([1, 2, 3, 4].map(() => signalled(objects.semaphore))).toEqual([true, true, true, false]);
    expect(text(view.subarray(0, 14))).toBe("from the child");
    expect(readRaw(objects.file, 8)).toBe("def");
    win32.ReleaseMutex(objects.mutex);
    win32.UnmapViewOfFile(view);
    closeAll(process_, ...Object.values(objects));
  });
});
