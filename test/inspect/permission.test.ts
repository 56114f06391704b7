/** Inspecting handles on Linux with and without permission: users, runtimes, kcmp(2). */
import { spawnSync } from "node:child_process";
import { release } from "node:os";
import { listHandles } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { anybodysFolder, canChangeUser, homeAt, nobody, withHome } from "../support/nobody.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { lastLine, root, runProgram } from "../support/program.ts";
import { isDeno, temporaryFile } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";

const isLinux = process.platform === "linux";

/** Makes /proc hide the processes of other users. */
const HIDE = "mount -t proc -o hidepid=1 proc /proc";
/** Whether that is possible, in a mount namespace of its own: a container may forbid it. */
const canMount = canChangeUser && spawnSync("unshare", ["-m", "sh", "-c", HIDE]).status === 0;

beforeAll(startOnce);

test.runIf(isLinux)("inspecting needs no permission but that for FFI (Deno)", () => {
  using file = temporaryFile("");
  const permissions = ["--allow-ffi", "--deny-read=/proc,/etc,/tmp,/dev"];
  const { output } = runProgram("inspect/inspect.ts", {
    args: [file.path],
    ...(isDeno ? { permissions } : {}),
  });
  expect(lastLine(output)).toEqual({
    path: file.path,
    references: 2,
    listed: 2,
    all: true,
    left: [],
    same: [true, true, false, false, false],
  });
});

/** strace of a program in which kcmp(2) is forbidden, as in many containers. */
const withoutKcmp = strace("/dev/null", ["-e", "trace=kcmp", "-e", "inject=kcmp:error=EPERM"]);
const [major = 0, minor = 0] = release().split(".").map(Number);
const isNewKernel = major > 6 || (major === 6 && minor >= 10);

test.runIf(canTrace && isNewKernel)(
  "without kcmp the kernel still compares handles of this process, since Linux 6.10 (needs strace)",
  () => {
    using file = temporaryFile("");
    const { output } = runProgram("inspect/inspect.ts", {
      args: [file.path],
      prefix: withoutKcmp,
    });
    expect(lastLine(output)).toMatchObject({
      references: 2,
      listed: 2,
      all: true,
      same: [true, true, false, false, false],
    });
    for (const [handles, references] of [["200", "1"], ["300", "undefined"]] as const) {
      runProgram("inspect/many.ts", { args: [handles, references], prefix: withoutKcmp });
    }
  },
);

test.runIf(canTrace)("where the kernel compares nothing, the result is what can be proven", () => {
  using file = temporaryFile("");
  const { output } = runProgram("inspect/inspect.ts", { args: [file.path, "compares nothing"] });
  const unknown = expect.objectContaining({
    code: "ENOTSUP",
    syscall: "kcmp",
    message: expect.stringContaining("no kcmp or forbids it here") as string,
  }) as unknown;
  expect(lastLine(output)).toEqual({
    path: file.path,
    references: null,
    listed: null,
    all: true,
    left: [],
    same: [true, unknown, unknown, false, false],
  });
});

describe.runIf(canTrace)("where kcmp(2) compares and fails (needs strace)", () => {
  const notSupported = {
    code: "ENOTSUP",
    message: expect.stringContaining("no kcmp or forbids it"),
  };
  const outcomes = [
    ["ENOSYS", notSupported],
    ["EPERM", notSupported],
    ["EINTR", { code: "EINTR", message: expect.stringContaining("nothing was done: call again") }],
    ["ENOMEM", { code: "ENOMEM", message: expect.stringContaining("out of memory") }],
  ] as const;

  test.each(outcomes)("isSameObject() says what %s means", (fault, outcome) => {
    using file = temporaryFile("");
    const { output } = runProgram("inspect/inspect.ts", {
      args: [file.path, "kcmp"],
      prefix: strace("/dev/null", ["-e", "trace=kcmp", "-e", `inject=kcmp:error=${fault}`]),
    });
    const failed = expect.objectContaining({ ...outcome, syscall: "kcmp" }) as unknown;
    const { same, references, listed, all } = lastLine(output) as Record<string, unknown>;
    expect(same).toEqual([
      true,
      failed,
      failed,
      ...outcome === notSupported ? [false, false] : [failed, failed],
    ]);
    // Nobody counts what is not compared.
    expect([references, listed, all]).toEqual([null, null, true]);
  });
});

describe.runIf(canChangeUser)("listHandles() between users (needs root and setpriv)", () => {
  /** Lists the handles of a process as the user nobody. */
  function listAsNobody(pid: number, folder: string): unknown {
    const prefix = [...nobody, ...withHome(folder)];
    return lastLine(runProgram("inspect/inspect.ts", { prefix, args: [String(pid)] }).output);
  }

  test("root lists the handles of every user", async () => {
    using folder = anybodysFolder();
    await using peer = await Peer.start(nobody, homeAt(folder.path));
    const theirs = await peer.do("open", `${root}/LICENSE`, "r");
    await peer.do("read", theirs, 3);
    expect(listHandles(peer.pid).find(({ raw }) => raw === theirs)).toMatchObject({
      kind: "file",
      path: `${root.replace(/\/$/, "")}/LICENSE`,
      position: 3,
    });
  });

  test("the user nobody may not list those of root: EACCES, which names the users and what would help", () => {
    using folder = anybodysFolder();
    expect(listAsNobody(process.pid, folder.path)).toEqual({
      code: "EACCES",
      syscall: "open",
      message: expect.stringMatching(
        /^Cannot list the handles of process \d+: .*user 0 .* user 65534: .*CAP_SYS_PTRACE$/,
      ) as string,
    });
  });

  test.runIf(canMount)("a process that /proc hides is EPERM and not ESRCH (needs unshare)", () => {
    using folder = anybodysFolder();
    const hiding = ["unshare", "-m", "sh", "-c", `${HIDE} && exec "$@"`, "sh"];
    const prefix = [...hiding, ...nobody, ...withHome(folder.path)];
    const { output } = runProgram("inspect/inspect.ts", { prefix, args: [String(process.pid)] });
    expect(lastLine(output)).toEqual({
      code: "EPERM",
      syscall: "open",
      message: expect.stringMatching(
        /^Cannot list the handles of process \d+: .*\/proc is mounted with hidepid.*CAP_SYS_PTRACE$/,
      ) as string,
    });
  });

  test("a process of the same user is listed, until it makes itself undumpable", async () => {
    using folder = anybodysFolder();
    await using peer = await Peer.start(nobody, homeAt(folder.path));
    const theirs = await peer.do("open", `${root}/LICENSE`, "r");
    expect(listAsNobody(peer.pid, folder.path)).toContainEqual(
      expect.objectContaining({ raw: theirs, pid: peer.pid, kind: "file", access: "read" }),
    );
    await peer.do("makeUndumpable");
    expect(listAsNobody(peer.pid, folder.path)).toMatchObject({
      code: "EACCES",
      message: expect.stringContaining("made itself undumpable") as string,
    });
  });
});
