/**
 * Handles with HANDLE_FLAG_PROTECT_FROM_CLOSE: the system closes them only after the flag is cleared. So
 * their owners stay open, and what closes a source leaves such a source open.
 */
import * as fs from "node:fs";
import {
  closeMany,
  copyFileHandle,
  copyFileHandleSync,
  CopyFlags,
  DescriptorPool,
  duplicate,
  duplicateMany,
  OwnedHandle,
  trackHandles,
} from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { handleOfFd } from "../../ffi/win32/osfhandle.ts";
import { isProtected, protect, refusedClose, unprotect } from "../support/protected_handles.ts";
import { ourFile } from "../support/windows_file.ts";
import { readFd } from "../support/pool_files.ts";
import { receiveText, sendText, socketPair } from "../support/sockets.ts";
import { isDeno, isWindows, openRaw, readRaw, temporaryFile } from "../support/system.ts";
import { openOnce } from "../support/windows_objects.ts";

/** The owner of a file that holds "abcdef". Its handle is protected, until the end of the block. */
function protectedFile(): { file: OwnedHandle; number: number; [Symbol.dispose](): void } {
  const folder = temporaryFile("abcdef");
  const file = openRaw(folder.path, "r");
  const number = file.raw;
  protect(number);
  return {
    file,
    number,
    [Symbol.dispose]() {
      if (!file.closed) {
        unprotect(number);
        file.close();
      }
      folder[Symbol.dispose]();
    },
  };
}

/** The warnings of the process during a call, and until its promise is settled. */
async function warningsOf(call: () => unknown): Promise<string[]> {
  const found: string[] = [];
  const listener = ({ message }: Error) => void found.push(message);
  process.on("warning", listener);
  try {
    await call();
    await new Promise((resolve) => setTimeout(resolve, 0));
  } finally {
    process.off("warning", listener);
  }
  return found;
}

describe.runIf(isWindows)("a handle that is protected from closing (Linux has none)", () => {
  beforeAll(openOnce);

  test("close() says so and leaves its owner open, until the protection ends", () => {
    using held = protectedFile();
    const { file, number } = held;
    for (let time = 0; time < 2; time++) {
      expect(() => file.close()).toThrow(refusedClose(number));
    }
    expect(file.closed).toBe(false);
    expect(file.raw).toBe(number);
    expect(readRaw(file.raw, 3)).toBe("abc");
    unprotect(number);
    file.close();
    expect(file.closed).toBe(true);
  });

  test("using throws at the end of its block, and the owner stays open", async () => {
    using held = protectedFile();
    const { file, number } = held;
    expect(() => {
      using _ = file;
    }).toThrow(refusedClose(number));
    await expect((async () => {
      await using _ = file;
    })()).rejects.toEqual(refusedClose(number));
    expect(readRaw(file.raw, 6)).toBe("abcdef");
  });

  test("closeMany() closes all others, and that one when it is called again", () => {
    using held = protectedFile();
    const { file, number } = held;
    const others = [file.duplicate(), file.duplicate()];
    const all = [others[0]!, file, others[1]!];
    expect(() => closeMany(all)).toThrow(refusedClose(number));
    expect(all.map(({ closed }) => closed)).toEqual([true, false, true]);
    unprotect(number);
    closeMany(all);
    expect(file.closed).toBe(true);
  });

  test("a tracker goes on to know it as open", () => {
    using tracker = trackHandles();
    using held = protectedFile();
    const { file, number } = held;
    expect(() => file.close()).toThrow(refusedClose(number));
    expect(() => closeMany([file])).toThrow(refusedClose(number));
    expect(tracker.live.map(({ raw }) => raw)).toEqual([number]);
    expect(tracker.leaks().map(({ problem }) => problem)).toEqual(["leak"]);
    unprotect(number);
    file.close();
    expect(tracker.live).toEqual([]);
    expect(tracker.reports).toEqual([]);
  });

  test("stays open as a source that is to be closed: its duplicate is returned", async () => {
    using held = protectedFile();
    const { file } = held;
    const made: OwnedHandle[] = [];
    const warnings = await warningsOf(async () => {
      made.push(duplicate(file, { closeSource: true }));
      made.push(file.duplicate({ closeSource: true, access: "read", inheritable: true }));
      made.push(...duplicateMany([file, file], { closeSource: true }));
      await using copy = await copyFileHandle(file, CopyFlags.CloseSource);
      expect((await copy.stat()).size).toBe(6);
      if (isDeno) return; // it makes no descriptors
      const fd = copyFileHandleSync(file, CopyFlags.CloseSource);
      expect(fs.fstatSync(fd).size).toBe(6);
      fs.closeSync(fd);
    });
    expect(warnings).toEqual([]);
    expect(file.closed).toBe(false);
    expect(made.map(({ raw }) => readRaw(raw, 1))).toEqual(["a", "b", "c", "d"]);
    expect(made.map(({ raw }) => isProtected(raw))).toEqual([false, false, false, false]);
    expect(readRaw(file.raw, 1)).toBe("e");
    closeMany(made); // the duplicates are not protected
  });

  test("closes nothing else when duplicating it fails", () => {
    using held = protectedFile();
    const { file } = held;
    expect(() => duplicate(file, { closeSource: true, access: "write" })).toThrow(
      expect.objectContaining({ code: "EACCES" }),
    );
    expect(readRaw(file.raw, 3)).toBe("abc");
  });

  test("is not given to the runtime, which could not close it either", async () => {
    using held = protectedFile();
    const { file, number } = held;
    expect(() => file.toFd()).toThrow(refusedClose(number));
    await expect(file.toFileHandle()).rejects.toEqual(refusedClose(number));
    expect(readRaw(file.raw, 6)).toBe("abcdef");
  });

  test.skipIf(isDeno)(
    "behind a descriptor of the runtime it keeps that descriptor open (Deno reveals no HANDLE)",
    async () => {
      using file = temporaryFile("abcdef");
      const fd = fs.openSync(file.path, "r");
      const opened = await fs.promises.open(file.path);
      using first = duplicate(fd);
      const raws = [fd, opened.fd].map(handleOfFd);
      raws.forEach(protect);
      using byNumber = duplicate(fd, { closeSource: true });
      using byFromFd = OwnedHandle.fromFd(fd);
      using byFile = duplicate(opened, { closeSource: true });
      const byMany = duplicateMany([fd, opened], { closeSource: true });
      expect([fs.fstatSync(fd).size, (await opened.stat()).size]).toEqual([6, 6]);
      expect(readRaw(first.raw, 1) + readFd(fd, 1) + readRaw(byNumber.raw, 1)).toBe("abc");
      expect(readRaw(byFromFd.raw, 1) + readRaw(byMany[0]!.raw, 1)).toBe("de");
      expect(readRaw(byFile.raw, 3) + readRaw(byMany[1]!.raw, 3)).toBe("abcdef");
      closeMany(byMany);
      raws.forEach(unprotect);
      fs.closeSync(fd);
      await opened.close();
    },
  );

  test("stays in its pool, and so does the pool that cannot close it", () => {
    using held = protectedFile();
    const { file, number } = held;
    const pool = new DescriptorPool({ limit: 2 });
    const others = [pool.add(file.duplicate()), pool.add(file.duplicate())];
    const pooled = pool.add(file);
    expect(pooled.use((fd) => readFd(fd, 1))).toBe("a");
    expect(() => pooled.close()).toThrow(refusedClose(number));
    expect(pooled.closed).toBe(false);
    expect(pooled.use((fd) => readFd(fd, 1))).toBe("b");
    expect(() => pool.close()).toThrow(refusedClose(number));
    expect([...others, pooled].map(({ closed }) => closed)).toEqual([true, true, false]);
    expect(pooled.use((fd) => readFd(fd, 1))).toBe("c");
    using later = pool.add(duplicate(1));
    expect(later.closed).toBe(false);
    unprotect(number);
    pool.close();
    expect([pooled.closed, later.closed]).toEqual([true, true]);
    pool.close();
  });

  test("as a socket it goes on to send and to receive", () => {
    const [near, far] = socketPair();
    const { raw } = near;
    protect(raw);
    expect(() => near.close()).toThrow(refusedClose(raw));
    expect(near.closed).toBe(false);
    sendText(near.raw, "there");
    expect(receiveText(far.raw)).toBe("there");
    sendText(far.raw, "back");
    expect(receiveText(near.raw)).toBe("back");
    unprotect(raw);
    near.close();
    far.close();
  });

  test.runIf(isDeno)(
    "as a file of ours in Deno for Windows it stays open (no other has one)",
    async () => {
      using folder = temporaryFile("abc");
      const owner = openRaw(folder.path, "r");
      const { raw } = owner;
      const file = ourFile(owner);
      protect(raw);
      const { fd } = file;
      await expect(file.close()).rejects.toEqual(refusedClose(raw));
      using copy = duplicate(file, { closeSource: true });
      expect(() => duplicate(fd, { closeSource: true }).close()).not.toThrow();
      expect(file.fd).toBe(fd);
      expect(await file.readFile("utf8")).toBe("abc");
      expect(readRaw(copy.raw, 1)).toBe("");
      unprotect(raw);
      await file.close();
      expect(file.fd).toBe(-1);
    },
  );

  test("that is protected while the runtime takes it over costs no result", async () => {
    using folder = temporaryFile("abcdef");
    const owner = openRaw(folder.path, "r");
    const { raw } = owner;
    const opening = owner.toFileHandle();
    protect(raw); // the runtime has a duplicate, and it is closed
    await using file = await opening;
    expect((await file.stat()).size).toBe(6);
    unprotect(raw);
    win32.CloseHandle(raw); // the protection kept it open
  });
});

describe.runIf(isWindows)("the calls of Windows that close", () => {
  beforeAll(openOnce);

  test("name the protection of a handle that they do not close", () => {
    using folder = temporaryFile("");
    const { DESKTOP_CREATEWINDOW, HKEY_CURRENT_USER, KEY_QUERY_VALUE } = win32;
    const path = folder.path.replace(/[\\/][^\\/]*$/, "");
    const kinds: [made: number, close: (handle: number) => void, name: string][] = [
      [win32.CreateEventW(null, false, false, null), win32.CloseHandle, "CloseHandle"],
      [
        win32.CreateDesktopW(`duphandle ${process.pid}`, null, null, 0, DESKTOP_CREATEWINDOW, null),
        win32.CloseDesktop,
        "CloseDesktop",
      ],
      [
        win32.FindFirstChangeNotificationW(path, false, win32.FILE_NOTIFY_CHANGE_FILE_NAME),
        win32.FindCloseChangeNotification,
        "FindCloseChangeNotification",
      ],
      [
        win32.RegOpenKeyExW(HKEY_CURRENT_USER, "Environment", 0, KEY_QUERY_VALUE),
        win32.RegCloseKey,
        "RegCloseKey",
      ],
    ];
    for (const [handle, close, syscall] of kinds) {
      protect(handle);
      // Wine 10 calls a protected desktop busy.
      const refused = refusedClose(handle, expect.any(Number));
      expect(() => close(handle), syscall).toThrow(refused);
      expect(() => close(handle), syscall).toThrow(expect.objectContaining({ syscall }));
      unprotect(handle);
      close(handle);
    }
  });
});
