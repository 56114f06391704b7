/** Who may take a handle of whom, on Linux: real processes of real users. */
import * as fs from "node:fs";
import { openProcess } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { ptraceScope, whatWouldHelp } from "../src/ptrace.ts";
import { anybodysFolder, canChangeUser, homeAt, nobody } from "./support/nobody.ts";
import { Peer, startOnce } from "./support/peer.ts";
import { root } from "./support/program.ts";
import { isWindows, readRaw, temporaryFile } from "./support/system.ts";
import { thrownBy } from "./support/thrown.ts";

const isLinux = process.platform === "linux";
const scope = isLinux ? ptraceScope() : undefined;

describe.runIf(isLinux)("take() on Linux (Windows decides when the process is opened)", () => {
  beforeAll(startOnce);

  test("is a parent's right over its child", async () => {
    using file = temporaryFile("abc");
    await using child = await Peer.start();
    const theirs = await child.do("open", file.path, "r");
    using process = openProcess(child.pid);
    using taken = process.take(theirs);
    expect(readRaw(taken.raw, 3)).toBe("abc");
  });

  describe.runIf(canChangeUser)("between users (needs root and setpriv)", () => {
    /** Starts a process of the user nobody. */
    const start = (home: string) => Peer.start(nobody, homeAt(home));

    test("root takes from anybody", async () => {
      using home = anybodysFolder();
      await using peer = await start(home.path);
      const theirs = await peer.do("open", `${root}/LICENSE`, "r");
      using process = openProcess(peer.pid);
      using taken = process.take(theirs);
      expect(readRaw(taken.raw, 3)).toBe("MIT");
    });

    test("nobody takes from root: EPERM, which names the users and what would help", async () => {
      using home = anybodysFolder();
      using file = temporaryFile("abc");
      const secret = fs.openSync(file.path, "r");
      await using peer = await start(home.path);
      await expect(peer.do("takeAndRead", process.pid, secret, 3)).rejects.toMatchObject({
        code: "EPERM",
        status: "ERROR_ACCESS_DENIED",
        syscall: "pidfd_getfd",
        message: expect.stringMatching(
          /user 0 .* user 65534: run as that user, or with .* CAP_SYS_PTRACE; or .* channel/,
        ) as string,
      });
      fs.closeSync(secret);
    });

    test("a stranger of the same user takes, unless Yama restricts it", async () => {
      using home = anybodysFolder();
      await using one = await start(home.path);
      await using other = await start(home.path);
      const theirs = await one.do("open", `${root}/LICENSE`, "r");
      const taken = other.do("takeAndRead", one.pid, theirs, 3);
      if ((scope ?? 0) === 0) {
        expect(await taken).toBe("MIT");
        return;
      }
      await expect(taken).rejects.toMatchObject({
        code: "EPERM",
        message: expect.stringContaining(`kernel.yama.ptrace_scope is ${scope}`) as string,
      });
    });

    test("a process that made itself undumpable refuses strangers, and they are told", async () => {
      using home = anybodysFolder();
      await using one = await start(home.path);
      await using other = await start(home.path);
      const theirs = await one.do("open", `${root}/LICENSE`, "r");
      await one.do("makeUndumpable");
      await expect(other.do("takeAndRead", one.pid, theirs, 3)).rejects.toMatchObject({
        code: "EPERM",
        message: expect.stringMatching(/undumpable|ptrace_scope is [123]/) as string,
      });
    });

    // Without Yama in the kernel there is nothing that PR_SET_PTRACER could allow.
    test.runIf(scope === 1)("under Yama 1 a stranger takes after allowTake()", async () => {
      using home = anybodysFolder();
      await using one = await start(home.path);
      await using other = await start(home.path);
      const theirs = await one.do("open", `${root}/LICENSE`, "r");
      for (const whom of [other.pid, "any"] as const) {
        await one.do("allowTake", whom);
        expect(await other.do("takeAndRead", one.pid, theirs, 3)).toBe("MIT");
      }
      await one.do("allowTake", process.pid); // replaces the last
      await expect(other.do("takeAndRead", one.pid, theirs, 3)).rejects.toMatchObject({
        code: "EPERM",
        message: expect.stringContaining(`allowTake(${other.pid})`) as string,
      });
    });
  });

  test.runIf(scope === undefined)("the message says that this kernel has no Yama", () => {
    expect(whatWouldHelp(process.pid)).toMatch(/this kernel has no Yama.*CAP_SYS_PTRACE/);
  });

  test.runIf(scope !== undefined)("the message names Yama's setting", () => {
    expect(whatWouldHelp(process.pid)).toContain(`kernel.yama.ptrace_scope is ${scope}`);
  });
});

test.runIf(isWindows)("Windows refuses when the process is opened", () => {
  // The process of the system itself lets nobody in; Wine has none with that pid.
  const error = thrownBy(() => openProcess(4));
  expect(["EACCES", "ESRCH"]).toContain(error.code);
});
