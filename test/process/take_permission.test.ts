/** Which processes may take handles of each other on Linux: real processes of real users. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { allowTake, openProcess } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { permissionAdvice, ptraceScope } from "../../src/process/ptrace.ts";
import { anybodysFolder, canChangeUser, homeAt, nobody } from "../support/nobody.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { root } from "../support/program.ts";
import { isWindows, readRaw, temporaryFile, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { canTrace, failing, strace } from "../support/trace.ts";

const isLinux = process.platform === "linux";
const scope = isLinux ? ptraceScope() : undefined;

const SCOPE = "/proc/sys/kernel/yama/ptrace_scope";

/**
 * A command that runs another one with a simulated setting of Yama: most kernels that run the tests
 * have no Yama, and only a reboot resets a 3.
 */
function withScope(scope: number): string[] {
  const script = `mount -t tmpfs none /proc/sys/kernel && mkdir "\${0%/*}" && echo ${scope} >"$0" &&
    exec "$@"`;
  return ["unshare", "-m", "sh", "-c", script, SCOPE];
}

/** Whether the setting can be simulated: root, and no container that forbids it. */
const canSetScope = canChangeUser &&
  spawnSync("unshare", [...withScope(0), "true"].slice(1)).status === 0;

/** The advice for each setting. */
const advice: readonly (readonly [scope: number, expected: RegExp])[] = [
  [0, /; kernel\.yama\.ptrace_scope is 0, so it .* undumpable, .*CAP_SYS_PTRACE; or .* channel$/],
  [1, /ptrace_scope is 1, .*: start it from here, call allowTake\(\d+\) in it, .*; or .* channel$/],
  [2, /ptrace_scope is 2: give this process the capability CAP_SYS_PTRACE; or .* channel$/],
  [3, /ptrace_scope is 3, so no process may until the next boot; or let it send .* channel$/],
];

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

    test("root takes from every user", async () => {
      using home = anybodysFolder();
      await using peer = await start(home.path);
      const theirs = await peer.do("open", `${root}/LICENSE`, "r");
      using process = openProcess(peer.pid);
      using taken = process.take(theirs);
      expect(readRaw(taken.raw, 3)).toBe("MIT");
    });

    test("nobody takes from root: EPERM, which names the users and the advice", async () => {
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

    test("an unrelated process of the same user takes, unless Yama restricts it", async () => {
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

    test("a process that made itself undumpable refuses others, and the error says so", async () => {
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
    test.runIf(scope === 1)(
      "under Yama 1 an unrelated process takes after allowTake()",
      async () => {
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
      },
    );
  });

  describe.runIf(canSetScope)("the refusal under Yama's settings (needs root and unshare)", () => {
    /** The error of a process of another user that is refused under this setting of Yama. */
    async function refusal(scope: number, ...prefix: string[]): Promise<unknown> {
      using home = anybodysFolder();
      const env = homeAt(home.path);
      await using one = await Peer.start(nobody, env);
      await using other = await Peer.start([...withScope(scope), ...prefix, ...nobody], env);
      const theirs = await one.do("open", `${root}/LICENSE`, "r");
      await one.do("makeUndumpable"); // refused by every kernel, with or without Yama
      return await other.do("takeAndRead", one.pid, theirs, 3).catch((error: unknown) => error);
    }

    test.each(advice)(
      "with scope %i it says how to get the permission",
      async (scope, expected) => {
        expect(await refusal(scope)).toMatchObject({
          code: "EPERM",
          syscall: "pidfd_getfd",
          message: expect.stringMatching(expected) as string,
        });
      },
    );

    test.runIf(canTrace)("stays one when the setting cannot be read (needs strace)", async () => {
      expect(await refusal(1, ...failing(SCOPE, "openat:error=EMFILE"))).toMatchObject({
        code: "EPERM",
        syscall: "pidfd_getfd",
        message: expect.stringMatching(
          /; what would help is not known: Cannot open .*ptrace_scope: .*\(EMFILE,.*: close /,
        ) as string,
      });
    });

    test("allowTake() of a process that has ended is ESRCH, and not taken for no Yama", async () => {
      await using peer = await Peer.start(withScope(1));
      await expect(peer.do("allowTake", 0x7fff_fffc)).rejects.toMatchObject({ code: "ESRCH" });
    });
  });

  test.runIf(scope === undefined)("the message says that this kernel has no Yama", () => {
    expect(permissionAdvice(process.pid)).toMatch(/this kernel has no Yama.*CAP_SYS_PTRACE/);
  });

  test.runIf(scope !== undefined)("the message names Yama's setting", () => {
    expect(permissionAdvice(process.pid)).toContain(`kernel.yama.ptrace_scope is ${scope}`);
  });
});

test.runIf(isWindows)("Windows refuses when the process is opened", () => {
  // No process may open the system process; Wine has none with that pid.
  const error = thrownBy(() => openProcess(4));
  expect(["EACCES", "ESRCH"]).toContain(error.code);
});

describe("allowTake()", () => {
  test("refuses what is no process", () => {
    for (const bad of [0, -1, NaN, "all", null]) {
      expect(() => allowTake(bad as number), String(bad)).toThrow(TypeError);
    }
  });

  test.runIf(canTrace)("passes the pid to the kernel, once a call (needs strace)", async () => {
    using folder = temporaryFolder();
    const log = `${folder.path}/trace`;
    {
      const trace = ["-e", "trace=prctl", "-e", "signal=none"];
      await using peer = await Peer.start(strace(log, trace));
      await peer.do("allowTake", process.pid);
      await peer.do("allowTake", "any");
    }
    // Without what follows: a call of another thread may stand in the middle of one.
    const calls = fs.readFileSync(log, "utf8").match(/prctl\(PR_SET_PTRACER, \w+/g);
    const values = [process.pid, "PR_SET_PTRACER_ANY"];
    expect(calls).toEqual(values.map((value) => `prctl(PR_SET_PTRACER, ${value}`));
  });

  test("is accepted for a process and for any", () => {
    allowTake(process.ppid);
    allowTake("any");
  });
});
