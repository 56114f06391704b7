import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { constants } from "node:os";
import { duplicate, duplicateOnto } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { failureByCode, failureByErrno, failureByWin32 } from "../../ffi/error.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { notOpened, win32Error } from "../../ffi/win32/errors.ts";
import { runProgram } from "../support/program.ts";
import { closeRaw, isDeno, isWindows, openApart, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { canTrace, failing } from "../support/trace.ts";

/** The running system's number for a handle that is not open. */
const NOT_OPEN = isWindows ? 6 : constants.errno.EBADF;

const { O_RDWR } = posix;

/** A descriptor that no limit allows: the highest number of a Linux table is below 2^30. */
const BEYOND = 2 ** 30;

describe("HandleError", () => {
  test("of a handle that is not open has every field and says what to do", () => {
    using file = temporaryFile("");
    const owner = openApart(file.path, "r");
    const { raw } = owner;
    closeRaw(raw);
    const error = thrownBy(() => owner.duplicate());
    expect(error).toMatchObject({
      name: "HandleError",
      code: "EBADF",
      status: "ERROR_INVALID_HANDLE",
      native: NOT_OPEN,
      syscall: isWindows ? "DuplicateHandle" : "fcntl",
      handle: raw,
    });
    expect(error.message).toContain(`EBADF, ERROR_INVALID_HANDLE, ${NOT_OPEN}`);
    expect(error.message).toMatch(/; it is closed or was never open: check how it was opened/);
    expect(error).toBeInstanceOf(Error);
    expect(error.stack).toContain("errors.test");
    expect(thrownBy(() => owner.close()).syscall).toBe(isWindows ? "CloseHandle" : "close");
  });

  test("of an fd that is not open", () => {
    const error = thrownBy(() => duplicate(4321));
    expect(error).toMatchObject(
      { code: "EBADF", status: "ERROR_INVALID_HANDLE", native: NOT_OPEN, handle: 4321 },
    );
    expect(error.message).toContain("4321");
  });

  test("has the names of POSIX and of Win32, in both directions", () => {
    const known = {
      EBADF: "ERROR_INVALID_HANDLE",
      EACCES: "ERROR_ACCESS_DENIED",
      EPERM: "ERROR_ACCESS_DENIED",
      EMFILE: "ERROR_TOO_MANY_OPEN_FILES",
      ENFILE: "ERROR_TOO_MANY_OPEN_FILES",
      ENOTSUP: "ERROR_NOT_SUPPORTED",
      EINVAL: "ERROR_INVALID_PARAMETER",
      EBUSY: "ERROR_BUSY",
    };
    for (const [code, status] of Object.entries(known)) {
      expect(failureByCode(code)).toMatchObject({ code, status });
      if (isWindows) continue;
      const errno = constants.errno[code as keyof typeof constants.errno];
      expect(failureByErrno(errno)).toMatchObject({ code, status, native: errno });
    }
    expect(failureByWin32(6)).toMatchObject({ code: "EBADF", native: 6 });
    expect(failureByWin32(5)).toMatchObject({ code: "EACCES", status: "ERROR_ACCESS_DENIED" });
    expect(failureByWin32(4)).toMatchObject({ code: "EMFILE" });
    const refused = notOpened(5, "OpenProcess", "process 4");
    expect(refused).toMatchObject({ code: "EACCES", syscall: "OpenProcess" });
    expect(refused.message).toMatch(
      /; it is another user's, or protected: run as that user, or elev/,
    );
    expect(failureByWin32(99_999)).toMatchObject({ code: "EIO", status: "ERROR_99999" });
  });
});

describe.skipIf(isWindows)("at the descriptor limit (POSIX: Windows has no such limit)", () => {
  test("EMFILE names the limit and the count, and nothing leaks", () => {
    const { error, made, again, full, leaked } = runProgram("ffi/limit.ts", {
      prefix: ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"'],
    }).result as Record<string, unknown>;
    expect(error).toMatchObject({
      code: "EMFILE",
      status: "ERROR_TOO_MANY_OPEN_FILES",
      native: constants.errno.EMFILE,
      syscall: "fcntl",
    });
    expect((error as Error).message).toMatch(
      /; 80 of the limit of 80 descriptors are open: close .*, have root raise .*, or use DescriptorPool$/,
    );
    expect(full).toContain("; the limit of the whole system is reached (fs.file-max): close ");
    expect(made).toBeGreaterThan(10);
    expect(again).toBe(made);
    expect(leaked).toBe(0);
  });
});

describe.skipIf(isWindows)("a POSIX call that fails (Windows has other calls)", () => {
  test("a full device does not close the descriptor that is written to", () => {
    const [fd, memory] = ["/dev/full", "/proc/self/mem"].map((path) => posix.open(path, O_RDWR));
    const byte = new Uint8Array(1);
    const failed = [
      [() => posix.write(fd!, byte), "ENOSPC"],
      // No memory is mapped at address 0.
      [() => posix.read(memory!, byte), "EIO"],
      [() => posix.write(memory!, byte), "EIO"],
    ] as const;
    for (const [call, code] of failed) {
      const error = thrownBy(call);
      expect(error.code).toBe(code);
      expect(error.message).toMatch(/\); it is still open[:,]/);
      expect(error.message).not.toContain("closed");
    }
    for (const each of [fd, memory]) posix.close(each!);
  });

  test.each(["EIO", "ENOSPC", "EDQUOT"] as const)("only close() with %s closes", (code) => {
    for (const call of ["open", "read", "write", "lseek", "fcntl", "close"]) {
      const { message } = posixError(constants.errno[code], call, 5);
      expect(message.includes("closed all the same"), message).toBe(call === "close");
    }
  });

  test("the message distinguishes a target beyond the limit from a source that is not open", () => {
    const limit = spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout.trim();
    const calls = [
      () => duplicateOnto({ fd: 1 }, BEYOND),
      () => posix.dup2(1, BEYOND),
      () => posix.dup3(1, BEYOND, 0),
    ];
    for (const call of calls) {
      const error = thrownBy(call);
      expect(error).toMatchObject({ code: "EBADF", handle: 1 });
      expect(error.message).toContain(`fd 1 onto fd ${BEYOND}:`);
      expect(error.message).toContain(`or the target is not below the limit of ${limit} (`);
    }
  });
});

describe.runIf(isWindows)("at a limit of Windows", () => {
  test("the message has the limit and the count of handles", () => {
    const files = win32Error(4, "CreateFileW", undefined).message;
    expect(files).toMatch(
      /; \d+ of at most 16,777,216 handles are open: close what is not needed, or use DescriptorPool$/,
    );
    // A pool does not help here: its files have handles too.
    const handles = win32Error(1450, "CreateEventW", undefined).message;
    expect(handles).toMatch(
      /; \d+ of at most 16,777,216 handles are open: close what is not needed$/,
    );
  });

  test.skipIf(isDeno)(
    "EMFILE of the C runtime names DescriptorPool (Deno has its own error)",
    () => {
      const fds: number[] = [];
      expect(() => {
        while (fds.length <= 8192) fds.push(fs.openSync("\\\\.\\NUL", "r"));
      }).toThrow("EMFILE");
      const error = thrownBy(() => duplicate(1).toFd());
      for (const fd of fds) fs.closeSync(fd);
      expect(error).toMatchObject({ code: "EMFILE", syscall: "uv_open_osfhandle" });
      expect(error.message).toMatch(/at most 8192 descriptors: close .*, or use DescriptorPool$/);
    },
  );
});

describe.skipIf(!canTrace)("a system call that fails (needs strace, on Linux)", () => {
  const cases = [
    ["dup3", "EINTR", "nothing was done: call again"],
    ["dup3", "EBUSY", "another thread is opening the target at this moment: call again"],
    ["dup3", "EBADF", "check how it was opened; or the target is not below the limit of "],
    ["fcntl", "EMFILE", "descriptors are open: close what is not needed"],
    ["fcntl", "ENFILE", "open files of the whole system are open (fs.file-max): close "],
    ["fcntl", "EPERM", "run as a user who has it"],
    ["fcntl", "EINVAL", "not below the limit"],
    ["fcntl", "ENOMEM", "fcntl in section 2 of the manual"],
    ["close", "EIO", "data may be lost, and the handle is closed all the same: check the device"],
    ["close", "ENOSPC", "data may be lost, and the handle is closed all the same"],
    ["close", "EDQUOT", "data may be lost, and the handle is closed all the same"],
    ["close", "EBADF", "only its owner closes it"],
  ] as const;

  test.each(cases)("%s with %s", (syscall, code, advice) => {
    using file = temporaryFile("");
    const { error, closed, second } = runProgram("ffi/fault.ts", {
      args: [syscall, file.path],
      prefix: failing(file.path, `${syscall}:error=${code}`),
    }).result as Record<string, unknown>;
    const native = constants.errno[code];
    const { status } = failureByErrno(native);
    expect(error).toMatchObject({ name: "HandleError", code, status, native, syscall });
    expect((error as Error).message).toContain(advice);
    if (syscall === "close") expect([closed, second]).toEqual([true, null]);
  });

  test.each(["EINTR", "EINPROGRESS"])("close with %s is success: the number is free", (code) => {
    using file = temporaryFile("");
    const { error, closed } = runProgram("ffi/fault.ts", {
      args: ["close", file.path],
      prefix: failing(file.path, `close:error=${code}`),
    }).result as Record<string, unknown>;
    expect([error, closed]).toEqual([null, true]);
  });

  test("closeSource consumes the source also when the duplicate fails", () => {
    using file = temporaryFile("");
    const { error, closed, reused } = runProgram("ffi/fault.ts", {
      args: ["closeSource", file.path],
      prefix: failing(file.path, "fcntl:error=ENOMEM"),
    }).result as Record<string, unknown>;
    expect(error).toMatchObject({ code: "ENOMEM" });
    expect([closed, reused]).toEqual([true, true]);
  });

  test("narrowing leaves nothing open when its last step fails", () => {
    using file = temporaryFile("");
    const { error, leaked } = runProgram("ffi/fault.ts", {
      args: ["narrow", path.resolve(file.path)],
      prefix: failing(file.path, "lseek:error=EIO"),
    }).result as Record<string, unknown>;
    expect(error).toMatchObject({ code: "EIO", syscall: "lseek" });
    expect(leaked).toBe(0);
  });
});
