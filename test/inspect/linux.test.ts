/** Inspecting handles on Linux: kinds, paths, other processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import type { Writable } from "node:stream";
import {
  duplicate,
  type HandleInfo,
  inspectHandle,
  isSameObject,
  listHandles,
  openProcess,
  OwnedHandle,
} from "duphandle";
import * as posix from "duphandle/posix";
import { beforeAll, describe, expect, test } from "vitest";
import { loadLibrary } from "../../ffi/backend/mod.ts";
import { scratch } from "../../ffi/backend/scratch.ts";
import { libraries } from "../../ffi/posix/symbols/linux.ts";
import * as linux from "../support/linux_objects.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { lastLine, runProgram } from "../support/program.ts";
import { socketPair } from "../support/sockets.ts";
import {
  openRaw,
  pipeRaw,
  readRaw,
  temporaryFile,
  temporaryFolder,
  writeRaw,
} from "../support/system.ts";
import { canTrace, failing, strace } from "../support/trace.ts";

const isLinux = process.platform === "linux";

const table = {
  // int inotify_init1(int flags);
  inotify_init1: { parameters: ["i32"], result: "i32" },
  // int signalfd(int fd, const sigset_t *mask, int flags);
  signalfd: { parameters: ["i32", "address", "i32"], result: "i32" },
} as const;

/** fcntl.h, of this processor. */
const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;

function opened(path: string, flags: number): OwnedHandle {
  return OwnedHandle.fromRaw(posix.open(path, flags | posix.O_CLOEXEC));
}

function signalfd(): OwnedHandle {
  const { address, bytes } = scratch();
  bytes.fill(0, 0, 128);
  const fd = loadLibrary(libraries, table).signalfd(-1, address, posix.O_CLOEXEC);
  return OwnedHandle.fromRaw(fd);
}

function inotify(): OwnedHandle {
  return OwnedHandle.fromRaw(loadLibrary(libraries, table).inotify_init1(posix.O_CLOEXEC));
}

/** Each kind with the properties that not every handle has. */
const kinds: readonly (readonly [make: () => OwnedHandle, expected: Partial<HandleInfo>])[] = [
  [() => opened("/dev/null", posix.O_RDWR), { kind: "device", path: "/dev/null" }],
  [() => opened("/dev", posix.O_RDONLY), { kind: "directory", access: "read", path: "/dev" }],
  [() => opened("/proc/version", 0), { kind: "file", access: "read", path: "/proc/version" }],
  [() => opened("/dev/ptmx", posix.O_RDWR), { kind: "terminal" }],
  [() => opened("/proc/self/ns/net", 0), {
    kind: "namespace",
    access: "read",
    name: expect.stringMatching(/^net:\[\d+\]$/) as string,
  }],
  [() => opened("/proc/self/exe", posix.O_PATH | O_NOFOLLOW), { kind: "symlink", access: "none" }],
  [() => opened("/proc/version", posix.O_PATH), { kind: "file", access: "none" }],
  [() => linux.memfd(), { kind: "memory", access: "read-write", name: "memfd:test", position: 0 }],
  [() => linux.eventfd(), { kind: "eventfd", name: "anon_inode:[eventfd]" }],
  [() => linux.timerfd(), { kind: "timerfd" }],
  [() => linux.epoll(), { kind: "epoll" }],
  [() => inotify(), { kind: "inotify" }],
  [() => signalfd(), { kind: "signalfd" }],
  [() => openProcess(process.pid), { kind: "process", name: "anon_inode:[pidfd]" }],
  [() => pipeRawEnd("reader"), {
    kind: "pipe",
    access: "read",
    name: expect.stringMatching(/^pipe:\[\d+\]$/) as string,
  }],
  [() => pipeRawEnd("writer"), { kind: "pipe", access: "write" }],
  [() => socketEnd(), {
    kind: "socket",
    access: "read-write",
    name: expect.stringMatching(/^socket:\[\d+\]$/) as string,
  }],
];

function pipeRawEnd(wanted: "reader" | "writer"): OwnedHandle {
  const pipe = pipeRaw();
  pipe[wanted === "reader" ? "writer" : "reader"].close();
  return pipe[wanted];
}

function socketEnd(): OwnedHandle {
  const [near, far] = socketPair();
  far.close();
  return near;
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

beforeAll(startOnce);

describe.runIf(isLinux)("inspectHandle() on Linux", () => {
  test(`describes ${kinds.length} kinds, and so does the list`, () => {
    for (const [make, expected] of kinds) {
      using handle = make();
      const info = inspectHandle(handle);
      const common = { raw: handle.raw, pid: process.pid, inheritable: false, references: 1 };
      expect(info).toMatchObject({ ...common, ...expected });
      expect(listHandles().find(({ raw }) => raw === handle.raw)).toEqual(info);
      const { dev, ino } = fs.statSync(`/proc/self/fd/${handle.raw}`);
      expect([info.device, info.inode]).toEqual([dev, ino]);
      const hasPosition = expected.kind === "memory" ||
        (expected.kind === "file" && expected.access !== "none");
      expect("position" in info, info.kind).toBe(hasPosition);
    }
  });

  test("recognizes the other end of a terminal as a terminal", () => {
    using terminal = openRaw("/dev/ptmx", "r+");
    const path = linux.otherEnd(terminal.raw);
    using handle = opened(path, posix.O_RDWR | posix.O_NOCTTY);
    expect(inspectHandle(handle)).toMatchObject({ kind: "terminal", path, access: "read-write" });
  });

  test("follows the position of memory", () => {
    using memory = linux.memfd();
    writeRaw(memory.raw, "abc");
    expect(inspectHandle(memory).position).toBe(3);
  });

  test("reports a path as deleted, also when the file has another path", () => {
    using file = temporaryFile("abc");
    using handle = openRaw(file.path, "r");
    expect(inspectHandle(handle)).not.toHaveProperty("deleted");
    fs.linkSync(file.path, `${file.path}.other`);
    fs.unlinkSync(file.path);
    expect(inspectHandle(handle)).toMatchObject({ path: file.path, deleted: true });
    fs.unlinkSync(`${file.path}.other`);
    expect(inspectHandle(handle)).toMatchObject({ path: file.path, deleted: true });
  });

  test("is not deceived by a file whose name ends in (deleted)", async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/file (deleted)`;
    fs.writeFileSync(path, "");
    using handle = openRaw(path, "r");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", path, "r");
    const both = () => [
      inspectHandle(handle),
      listHandles(peer.pid).find(({ raw }) => raw === theirs),
    ];
    for (const info of both()) {
      expect(info?.path).toBe(path);
      expect(info).not.toHaveProperty("deleted");
    }
    fs.unlinkSync(path);
    for (const info of both()) expect(info).toMatchObject({ path, deleted: true });
  });
});

describe.runIf(isLinux)("listHandles() on Linux", () => {
  test("has exactly what /proc/self/fd shows", () => {
    const listed = listHandles().map(({ raw, path, name, deleted }) =>
      `${raw} ${name?.replace("memfd:", "/memfd:") ?? path}${deleted === true ? " (deleted)" : ""}`
    );
    const shown = fs.readdirSync("/proc/self/fd").map(Number).sort((a, b) => a - b)
      .flatMap((fd) => {
        try {
          return [`${fd} ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`];
        } catch {
          return []; // the descriptor that listed the directory
        }
      });
    expect(listed).toEqual(shown);
  });

  test("counts the handles of each of many open files of one identity", () => {
    using file = temporaryFile("");
    const groups = Array.from(
      { length: 40 },
      (_, at) => [at % 2 === 0 ? openRaw(file.path, "r") : linux.eventfd()],
    );
    // In turns, so that handles of one open file are not neighbours.
    for (let round = 1; round < 7; round++) {
      for (const [at, group] of groups.entries()) {
        if (round <= at % 7) group.push(duplicate(group[0]!));
      }
    }
    const counts = new Map(listHandles().map(({ raw, references }) => [raw, references]));
    const found = groups.map((group) => group.map(({ raw }) => counts.get(raw)));
    for (const handle of groups.flat()) handle.close();
    expect(found).toEqual(groups.map((group) => group.map(() => group.length)));
  });

  test("makes n log n system calls, not n² (needs strace)", (context) => {
    if (!canTrace) context.skip();
    const count = (handles: number) => {
      using folder = temporaryFolder();
      const log = `${folder.path}/trace`;
      runProgram("inspect/many.ts", {
        args: [String(handles)],
        prefix: strace(log, ["-e", "trace=kcmp", "-e", "signal=none"]),
      });
      return fs.readFileSync(log, "utf8").split("\n").filter((line) => line.includes("kcmp("))
        .length;
    };
    const [few, many] = [count(100), count(800)];
    expect(few).toBeGreaterThan(100);
    expect(many).toBeLessThan(800 * Math.log2(800) * 2);
  });

  test("describes the kinds of another process as those of this one", async () => {
    const pipe = pipeRaw();
    using reader = pipe.reader;
    using writer = pipe.writer;
    using terminal = openRaw("/dev/ptmx", "r+");
    using memory = linux.memfd();
    using counter = linux.eventfd();
    using process = openProcess(globalThis.process.pid);
    const sources = [reader, writer, terminal, memory, counter, process];
    writeRaw(memory.raw, "abc");
    const child = spawn("sleep", ["600"], {
      stdio: ["ignore", "ignore", "ignore", ...sources.map(({ raw }) => raw)],
    });
    const exited = once(child, "exit");
    // Before it becomes sleep, it is a copy of this process.
    while (fs.readFileSync(`/proc/${child.pid}/comm`, "utf8") !== "sleep\n") await soon();
    const list = listHandles(child.pid);
    child.kill();
    await exited;
    // Higher numbers are inheritable handles of whatever started the tests.
    expect(list.map(({ raw }) => raw).slice(0, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [at, source] of sources.entries()) {
      const { raw: _raw, pid: _pid, inheritable: _own, ...same } = inspectHandle(source);
      expect(list[at + 3]).toEqual({ ...same, raw: at + 3, pid: child.pid, inheritable: true });
    }
    expect(list[0]).toMatchObject({ kind: "device", path: "/dev/null", inheritable: true });
  });

  test("is ESRCH for a process that has ended and whose parent has not waited for it", async () => {
    // The shell becomes a program that does not wait for its child, and only then the child ends.
    const parent = spawn("sh", ["-c", "cat <&3 & echo $!; exec sleep 600 3<&-"], {
      stdio: ["ignore", "pipe", "ignore", "pipe"],
    });
    const exited = once(parent, "exit");
    const [chunk] = await once(parent.stdout!, "data") as [Buffer];
    const pid = Number(String(chunk));
    const says = (id: unknown, what: string) =>
      fs.readFileSync(`/proc/${id}/status`, "utf8").includes(what);
    while (!says(parent.pid, "Name:\tsleep")) await soon();
    (parent.stdio[3] as Writable).end();
    while (!says(pid, "State:\tZ")) await soon();
    expect(() => listHandles(pid)).toThrow(expect.objectContaining({ code: "ESRCH" }));
    // When its state cannot be read, the error is not that it has ended.
    if (canTrace) {
      const prefix = failing(`/proc/${pid}/status`, "openat:error=ENOMEM");
      const { output } = runProgram("inspect/inspect.ts", { args: [String(pid)], prefix });
      expect(lastLine(output)).toMatchObject({ code: "ENOMEM", syscall: "open" });
    }
    parent.kill();
    await exited;
  });
});

test.runIf(isLinux)(
  "isSameObject() distinguishes an opening through /proc from a duplicate",
  () => {
    using file = temporaryFile("abc");
    using handle = openRaw(file.path, "r");
    using reopened = openRaw(`/proc/self/fd/${handle.raw}`, "r");
    expect(isSameObject(handle, reopened)).toBe(false);
    expect(readRaw(handle.raw, 1)).toBe("a");
  },
);
