import * as fs from "node:fs";
import * as path from "node:path";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { isWindows, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { closeAll, copyOf, openOnce, signalled, startChild } from "../support/windows_objects.ts";

const { HKEY_CURRENT_USER, KEY_ALL_ACCESS, REG_BINARY, REG_OPTION_VOLATILE } = win32;
const path_ = `Software\\duphandle ${process.pid}`;

function wide(bytes: Uint8Array): string {
  return new TextDecoder("utf-16le").decode(bytes).replace(/\0$/, "");
}

beforeAll(openOnce);

describe.runIf(isWindows)("a duplicate and its source are one object", () => {
  test("access token: of the same number", () => {
    const token = win32.OpenProcessToken(-1, win32.TOKEN_QUERY);
    const copy = copyOf(token);
    const statistics = win32.GetTokenInformation(token, win32.TokenStatistics);
    expect(statistics.length).toBe(56);
    win32.CloseHandle(token);
    // The first eight bytes are the number of the token itself.
    expect(win32.GetTokenInformation(copy, win32.TokenStatistics).slice(0, 8))
      .toEqual(statistics.slice(0, 8));
    expect(win32.GetTokenInformation(copy, win32.TokenUser).length).toBeGreaterThan(16);
    win32.CloseHandle(copy);
    expect(thrownBy(() => win32.GetTokenInformation(copy, win32.TokenUser)).code).toBe("EBADF");
  });

  test("registry key: a value is written through one and read through the other", () => {
    const { phkResult: key, lpdwDisposition } = win32.RegCreateKeyExW(
      ...[HKEY_CURRENT_USER, path_, 0, null, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, null] as const,
    );
    expect(lpdwDisposition).toBe(win32.REG_CREATED_NEW_KEY);
    const copy = copyOf(key);
    win32.RegSetValueExW(key, "bytes", 0, REG_BINARY, Uint8Array.of(1, 2, 3, 4), 3);
    const read = win32.RegQueryValueExW(copy, "bytes", null);
    expect(read).toEqual({ lpType: REG_BINARY, lpData: Uint8Array.of(1, 2, 3) });
    win32.RegCloseKey(key);
    win32.RegSetValueExW(copy, "", 0, REG_BINARY, new Uint8Array(32_768).fill(7));
    const again = win32.RegOpenKeyExW(HKEY_CURRENT_USER, path_, 0, win32.KEY_READ);
    expect(win32.RegQueryValueExW(again, "", null).lpData.length).toBe(32_768);
    expect(thrownBy(() => win32.RegQueryValueExW(again, "none", null))).toMatchObject({
      code: "ENOENT",
      native: 2,
      syscall: "RegQueryValueExW",
      handle: again,
    });
    expect(thrownBy(() => win32.RegSetValueExW(again, "", 0, REG_BINARY, Uint8Array.of(1))))
      .toMatchObject({ code: "EACCES" });
    expect(() => win32.RegSetValueExW(copy, "", 0, REG_BINARY, new Uint8Array(32_769)))
      .toThrow(TypeError);
    win32.RegCloseKey(again);
    win32.RegDeleteKeyW(HKEY_CURRENT_USER, path_);
    win32.RegCloseKey(copy);
    expect(thrownBy(() => win32.RegOpenKeyExW(HKEY_CURRENT_USER, path_, 0, win32.KEY_READ)))
      .toMatchObject({ code: "ENOENT", status: "ERROR_FILE_NOT_FOUND" });
  });

  test("registry key: a predefined one is no handle", () => {
    expect(() => copyOf(HKEY_CURRENT_USER)).toThrow(TypeError);
    for (const key of [0, -1, 2 ** 31, 1.5, "4", null]) {
      expect(() => win32.RegCloseKey(key as number), String(key)).toThrow(TypeError);
    }
    expect(win32.RegOpenKeyExW(HKEY_CURRENT_USER, "", 0, win32.KEY_READ)).toBe(HKEY_CURRENT_USER);
    const key = win32.RegOpenKeyExW(HKEY_CURRENT_USER, "Software", 0, win32.KEY_READ);
    const copy = copyOf(key);
    win32.RegCloseKey(key);
    win32.RegCloseKey(copy);
    expect(thrownBy(() => win32.RegCloseKey(copy)).code).toBe("EBADF");
  });

  test("desktop: the name lasts until both handles are closed", () => {
    const name = `duphandle desktop ${process.pid}`;
    const desktop = win32.CreateDesktopW(name, null, null, 0, 0x1ff, null);
    const copy = copyOf(desktop);
    expect(wide(win32.GetUserObjectInformationW(copy, win32.UOI_NAME))).toBe(name);
    expect(wide(win32.GetUserObjectInformationW(copy, win32.UOI_TYPE))).toBe("Desktop");
    win32.CloseDesktop(desktop);
    const again = win32.OpenDesktopW(name, 0, false, win32.GENERIC_READ);
    win32.CloseDesktop(again);
    win32.CloseDesktop(copy);
    expect(thrownBy(() => win32.OpenDesktopW(name, 0, false, 0)).code).toBe("ENOENT");
    expect(() => win32.CloseDesktop(copy)).toThrow(win32.HandleError);
  });

  test("window station: of the same name", () => {
    const own = win32.GetProcessWindowStation();
    const copy = copyOf(own);
    const name = wide(win32.GetUserObjectInformationW(own, win32.UOI_NAME));
    expect(name).not.toBe("");
    expect(wide(win32.GetUserObjectInformationW(copy, win32.UOI_NAME))).toBe(name);
    const opened = win32.OpenWindowStationW(name, false, win32.GENERIC_READ);
    expect(wide(win32.GetUserObjectInformationW(opened, win32.UOI_TYPE))).toBe("WindowStation");
    win32.CloseWindowStation(opened);
    win32.CloseWindowStation(copy);
  });

  test("mailslot: what a client writes is read through the duplicate", () => {
    const name = `\\\\.\\mailslot\\duphandle ${process.pid}`;
    const slot = win32.CreateMailslotW(name, 100, 0, null);
    const copy = copyOf(slot);
    const client = win32.CreateFileW(name, win32.GENERIC_WRITE, 3, null, 3, 0x80, 0);
    win32.WriteFile(client, new TextEncoder().encode("a message"));
    win32.CloseHandle(slot);
    win32.WriteFile(client, new TextEncoder().encode("another one"));
    expect(win32.GetMailslotInfo(copy)).toEqual({
      lpMaxMessageSize: 100,
      lpNextSize: 9,
      lpMessageCount: 2,
      lpReadTimeout: 0,
    });
    const buffer = new Uint8Array(100);
    const count = win32.ReadFile(copy, buffer);
    expect(new TextDecoder().decode(buffer.subarray(0, count))).toBe("a message");
    expect(win32.ReadFile(copy, buffer)).toBe(11);
    expect(win32.GetMailslotInfo(copy).lpNextSize).toBe(win32.MAILSLOT_NO_MESSAGE);
    closeAll(client, copy);
    expect(thrownBy(() => win32.CreateFileW(name, win32.GENERIC_WRITE, 3, null, 3, 0, 0)).code)
      .toBe("ENOENT");
  });

  test("change notification: both are signalled, and one may be closed", () => {
    using folder = temporaryFolder();
    const { FILE_NOTIFY_CHANGE_FILE_NAME } = win32;
    const change = win32.FindFirstChangeNotificationW(
      folder.path,
      false,
      FILE_NOTIFY_CHANGE_FILE_NAME,
    );
    const copy = copyOf(change);
    expect([signalled(change), signalled(copy)]).toEqual([false, false]);
    fs.writeFileSync(path.join(folder.path, "one"), "");
    expect(win32.WaitForSingleObject(copy, 20_000)).toBe(win32.WAIT_OBJECT_0);
    expect(signalled(change)).toBe(true);
    win32.FindCloseChangeNotification(change);
    win32.FindNextChangeNotification(copy);
    expect(signalled(copy)).toBe(false);
    fs.writeFileSync(path.join(folder.path, "two"), "");
    expect(win32.WaitForSingleObject(copy, 20_000)).toBe(win32.WAIT_OBJECT_0);
    win32.FindCloseChangeNotification(copy);
  });

  test("I/O completion port: by the call itself, in this process", () => {
    const port = win32.CreateIoCompletionPort(win32.INVALID_HANDLE_VALUE, 0, 0, 0);
    const copy = copyOf(port);
    win32.PostQueuedCompletionStatus(copy, 1, 2 ** 40, 0);
    expect(win32.GetQueuedCompletionStatus(port, 0)).toEqual({
      lpNumberOfBytesTransferred: 1,
      lpCompletionKey: 2 ** 40,
      lpOverlapped: 0,
    });
    expect(thrownBy(() => win32.GetQueuedCompletionStatus(copy, 0))).toMatchObject({
      code: "ETIMEDOUT",
      status: "WAIT_TIMEOUT",
      native: 258,
    });
    closeAll(port, copy);
  });

  test("console: the mode is changed through one and seen through the other", async (context) => {
    // In a program with a console of its own. Under Wine without a display only Deno starts it so
    // that there is one.
    await using child = startChild("ffi/win32_console.ts", true);
    const result = await child.hear("result");
    expect(await child.ended()).toBe(0);
    const { none } = result as { none?: string };
    context.skip(none !== undefined, `no console can be had here: ${none}`);
    expect(result).toEqual({
      changed: win32.ENABLE_ECHO_INPUT,
      left: win32.ENABLE_ECHO_INPUT,
      written: 1,
      types: [win32.FILE_TYPE_CHAR, win32.FILE_TYPE_CHAR],
    });
  });

  test("communications device: the time-outs are set through one and read through the other", (context) => {
    let port = 0;
    try {
      port = win32.CreateFileW("\\\\.\\COM1", 0xc000_0000, 0, null, 3, 0, 0);
    } catch (error) {
      context.skip(`this machine has no serial port that may be opened: ${error}`);
    }
    const copy = copyOf(port);
    const before = win32.GetCommTimeouts(port);
    const changed = { ...before, ReadTotalTimeoutConstant: 1234 };
    win32.SetCommTimeouts(port, changed);
    win32.CloseHandle(port);
    expect(win32.GetCommTimeouts(copy)).toEqual(changed);
    win32.SetCommTimeouts(copy, before);
    win32.CloseHandle(copy);
  });

  test("transaction: committed through the duplicate", (context) => {
    const transaction = win32.CreateTransaction(null, null, 0, 0, 0, 0, "duphandle");
    // Wine 10 makes none: what it returns is no handle.
    const real = (transaction & 3) === 0 && isOpen(transaction);
    context.skip(!real, "this Windows makes no transactions: CreateTransaction returns no handle");
    const copy = copyOf(transaction);
    expect(win32.GetTransactionId(copy)).toEqual(win32.GetTransactionId(transaction));
    win32.CommitTransaction(copy);
    expect(() => win32.RollbackTransaction(transaction)).toThrow(win32.HandleError);
    closeAll(transaction, copy);
  });
});

function isOpen(handle: number): boolean {
  try {
    win32.GetHandleInformation(handle);
    return true;
  } catch {
    return false;
  }
}
