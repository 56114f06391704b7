import * as path from "node:path";
import { constants } from "node:os";
import { duplicate } from "duphandle";
import { describe, expect, test } from "vitest";
import { failureByCode, failureByErrno, failureByWin32 } from "../ffi/codes.ts";
import { runProgram } from "./support/program.ts";
import { closeRaw, fdsAreSources, isWindows, openRaw, temporaryFile } from "./support/system.ts";
import { thrownBy } from "./support/thrown.ts";
import { canTrace, failing } from "./support/trace.ts";

/** What the running system calls a handle that is not open. */
const NOT_OPEN = isWindows ? 6 : constants.errno.EBADF;

describe("HandleError", () => {
  test("of a handle that is not open has every field and says what to do", () => {
    using file = temporaryFile("");
    const owner = openRaw(file.path, "r");
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
    const error = thrownBy(() => duplicate(fdsAreSources ? 4321 : { fd: 4321 }));
    expect(error).toMatchObject(
      fdsAreSources
        ? { code: "EBADF", status: "ERROR_INVALID_HANDLE", native: NOT_OPEN, handle: 4321 }
        : { code: "ENOTSUP", status: "ERROR_NOT_SUPPORTED", handle: 4321 },
    );
    expect(error.message).toContain("4321");
  });

  test("is the same failure in both vocabularies, in both directions", () => {
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
    expect(failureByWin32(99_999)).toMatchObject({ code: "EIO", status: "ERROR_99999" });
  });
});

describe.skipIf(isWindows)("at the descriptor limit (POSIX: Windows has no such limit)", () => {
  test("EMFILE tells the limit and the count, and nothing leaks", () => {
    const { error, made, again, leaked } = runProgram("limit.ts", {
      prefix: ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"'],
    }).result as Record<string, unknown>;
    expect(error).toMatchObject({
      code: "EMFILE",
      status: "ERROR_TOO_MANY_OPEN_FILES",
      native: constants.errno.EMFILE,
      syscall: "fcntl",
    });
    expect((error as Error).message).toMatch(
      /; 80 of the limit of 80 descriptors are open: close /,
    );
    expect(made).toBeGreaterThan(10);
    expect(again).toBe(made);
    expect(leaked).toBe(0);
  });
});

describe.skipIf(!canTrace)("a system call that fails (needs strace, on Linux)", () => {
  const cases = [
    ["dup3", "EINTR", "nothing was done: call again"],
    ["dup3", "EBUSY", "another thread was just opening the target: call again"],
    ["dup3", "EBADF", "check how it was opened"],
    ["fcntl", "EMFILE", "descriptors are open: close what is not needed"],
    ["fcntl", "ENFILE", "fs.file-max"],
    ["fcntl", "EPERM", "run as a user who has it"],
    ["fcntl", "EINVAL", "not below the limit"],
    ["fcntl", "ENOMEM", "fcntl in section 2 of the manual"],
    ["close", "EIO", "the handle is closed all the same: check the device"],
    ["close", "ENOSPC", "the handle is closed all the same"],
    ["close", "EDQUOT", "the handle is closed all the same"],
    ["close", "EBADF", "only its owner closes it"],
  ] as const;

  test.each(cases)("%s with %s", (syscall, code, advice) => {
    using file = temporaryFile("");
    const { error, closed, second } = runProgram("fault.ts", {
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
    const { error, closed } = runProgram("fault.ts", {
      args: ["close", file.path],
      prefix: failing(file.path, `close:error=${code}`),
    }).result as Record<string, unknown>;
    expect([error, closed]).toEqual([null, true]);
  });

  test("closeSource consumes the source also when the duplicate fails", () => {
    using file = temporaryFile("");
    const { error, closed, reused } = runProgram("fault.ts", {
      args: ["closeSource", file.path],
      prefix: failing(file.path, "fcntl:error=ENOMEM"),
    }).result as Record<string, unknown>;
    expect(error).toMatchObject({ code: "ENOMEM" });
    expect([closed, reused]).toEqual([true, true]);
  });

  test("narrowing leaves nothing open when its last step fails", () => {
    using file = temporaryFile("");
    const { error, leaked } = runProgram("fault.ts", {
      args: ["narrow", path.resolve(file.path)],
      prefix: failing(file.path, "lseek:error=EIO"),
    }).result as Record<string, unknown>;
    expect(error).toMatchObject({ code: "EIO", syscall: "lseek" });
    expect(leaked).toBe(0);
  });
});
