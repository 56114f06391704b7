/** Inspecting handles with no descriptor left, and while the kernel fails: the right result or an error. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { type HandleInfo, listHandles } from "duphandle";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failureByCode } from "../../ffi/error.ts";
import { hasCommand, lastLine, runProgram } from "../support/program.ts";
import { canTrace, failing } from "../support/trace.ts";

const isLinux = process.platform === "linux";

/** A process whose handles do not change. */
let other: ChildProcess;

beforeEach(async () => {
  if (!isLinux) return;
  // Once it waits for its input, it opens and closes nothing more.
  other = spawn("sh", ["-c", "echo; read -r line"], { stdio: ["pipe", "pipe", "ignore"] });
  await once(other.stdout!, "data");
});

afterEach(async () => {
  if (!isLinux) return;
  const closed = once(other, "close");
  other.kill();
  await closed;
});

test.runIf(isLinux && hasCommand("prlimit"))(
  "with no descriptor left, inspecting gives the right result or throws EMFILE, and leaves nothing open",
  () => {
    const { before, full, one, ...rest } = runProgram("inspect/limit.ts", {
      args: [String(other.pid)],
    }).result as Record<"before" | "full" | "one", Record<string, unknown>>;
    expect(before).toMatchObject({
      seen: { inspected: { position: 3, references: 2 }, same: [true, false], all: true },
      theirs: listHandles(other.pid),
      error: null,
      left: [],
    });
    // This process is inspected by its numbers. For another one, files in /proc would have to be opened.
    expect(full).toEqual({
      seen: before["seen"],
      theirs: null,
      error: expect.objectContaining({
        name: "HandleError",
        code: "EMFILE",
        status: "ERROR_TOO_MANY_OPEN_FILES",
        native: constants.errno.EMFILE,
        syscall: "open",
        message: expect.stringMatching(
          /^Cannot open \/proc\/\d+\/fd: .*; 100 of the limit of 100 descriptors are open: close /,
        ) as string,
      }) as unknown,
      left: [],
    });
    expect(one).toEqual(before);
    expect(rest).toEqual({
      count: 100,
      opened: "EMFILE",
      allowed: [null, null],
      tracked: {
        isRight: true,
        isTaken: true,
        code: "EBADF",
        problems: ["double-close", "recycled"],
      },
      raised: 700,
      more: 100,
    });
  },
);

describe.runIf(canTrace)("listHandles() of another process (needs strace)", () => {
  /** Lists while a system call on a file of that process in /proc fails. */
  function listed(file: string, fault: string): unknown {
    const prefix = failing(`/proc/${other.pid}/${file}`, fault);
    return lastLine(runProgram("inspect/inspect.ts", { args: [String(other.pid)], prefix }).output);
  }

  const cases = [
    ["fd", "openat", "EMFILE", "open"],
    ["fd", "openat", "ENFILE", "open"],
    ["fd", "openat", "ENOMEM", "open"],
    ["fd", "getdents64", "ENOMEM", "getdents64"],
    ["fdinfo/1", "openat", "EMFILE", "open"],
    ["fdinfo/1", "openat", "ENOMEM", "open"],
    ["fdinfo/1", "read", "ENOMEM", "read"],
    ["fdinfo/1", "read", "EIO", "read"],
  ] as const;

  test.each(cases)("throws when %s cannot be read: %s with %s", (file, call, code, syscall) => {
    expect(listed(file, `${call}:error=${code}`)).toEqual({
      code,
      syscall,
      message: expect.stringContaining(
        `: ${failureByCode(code).state} (${code}, ${failureByCode(code).status}, `,
      ) as string,
    });
  });

  test.each(["openat:error=ENOENT", "read:error=ESRCH"])(
    "leaves out a handle that is closed in the meantime: %s",
    (fault) => {
      const all = listHandles(other.pid);
      const left = listed("fdinfo/1", fault) as HandleInfo[];
      expect(left).toEqual(all.filter(({ raw }) => raw !== 1));
      expect(left.length).toBe(all.length - 1);
    },
  );

  test("is ESRCH when the process ends in the meantime", () => {
    for (const code of ["ENOENT", "ESRCH"]) {
      expect(listed("fd", `openat:error=${code}`)).toMatchObject({ code: "ESRCH" });
    }
  });
});
