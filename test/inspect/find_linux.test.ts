/** Finding holders on Linux: sockets, devices, pipes, and what may not be seen. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { findHandles, type FoundHandle, inspectHandle, listenOn } from "duphandle";
import * as posix from "duphandle/posix";
import { beforeAll, describe, expect, test } from "vitest";
import { connectedPair, makeDatagram, makeListener } from "../support/listeners.ts";
import { anybodysFolder, canChangeUser, nobody, withHome } from "../support/nobody.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { lastLine, root, runProgram } from "../support/program.ts";
import { openRaw, pipeRaw, temporaryFile, temporaryFolder } from "../support/system.ts";
import { canTrace } from "../support/trace.ts";

const isLinux = process.platform === "linux";
const HIDE = "mount -t proc -o hidepid=2 proc /proc";
/** Whether /proc can hide processes, in a mount namespace of its own: a container may forbid it. */
const canMount = canChangeUser && spawnSync("unshare", ["-m", "sh", "-c", HIDE]).status === 0;

const numbers = (found: readonly FoundHandle[]) => found.map(({ pid, raw }) => [pid, raw]);
const own = (...raws: readonly number[]) =>
  [...raws].sort((a, b) => a - b).map((raw) => [process.pid, raw]);

/** What the program finds. */
interface Outcome {
  readonly pid: number;
  readonly raws: [first: number, copy: number, other: number];
  readonly path: Shown;
  readonly object: Shown;
}

interface Shown {
  readonly raws: [isOwn: boolean, raw: number][];
  readonly hidden: { pid?: number; code: string; reason: string }[];
}

beforeAll(startOnce);

describe.runIf(isLinux)("findHandles() on Linux", () => {
  test("finds at the path of a Unix socket the socket that is bound to it, and its connections", () => {
    using folder = temporaryFolder();
    const file = path.join(folder.path, "socket");
    using listener = listenOn({ path: file });
    const { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } = posix;
    const client = posix.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(numbers(findHandles({ path: file }))).toEqual(own(listener.raw));
    posix.connect(client, { family: "unix", path: file });
    const server = posix.accept4(listener.raw, SOCK_CLOEXEC);
    expect(numbers(findHandles({ path: file }))).toEqual(own(listener.raw, server));
    for (const fd of [client, server]) posix.close(fd);
    listener.close();
    expect(findHandles({ path: file })).toHaveLength(0);
  });

  test("finds at a port sockets of both families, of UDP, and the ends of connections", () => {
    using tcp6 = makeListener("TCP6").handle;
    using udp4 = makeDatagram("IPv4");
    using udp6 = makeDatagram("IPv6");
    const [near, far] = connectedPair("TCP4");
    for (const handle of [tcp6, udp4, udp6, near, far]) {
      const { socket } = inspectHandle(handle);
      const found = findHandles({ port: socket!.local!.port! });
      const entry = found.find(({ pid, raw }) => pid === process.pid && raw === handle.raw);
      expect(entry?.socket).toEqual(socket);
      expect(found.every((each) => each.socket?.local?.port === socket!.local!.port)).toBe(true);
    }
    for (const handle of [near, far]) handle.close();
  });

  test("finds a device by another path of it, and a directory", () => {
    using folder = temporaryFolder();
    const directory = posix.open(folder.path, posix.O_RDONLY | posix.O_CLOEXEC);
    expect(numbers(findHandles({ path: folder.path }))).toEqual(own(directory));
    posix.close(directory);
    const node = path.join(folder.path, "null");
    if (spawnSync("mknod", [node, "c", "1", "3"]).status !== 0) return; // only root may
    using device = openRaw("/dev/null", "r");
    expect(numbers(findHandles({ path: node }))).toContainEqual([process.pid, device.raw]);
  });

  test("finds the holders of one end of a pipe, and those of a file that has no path any more", () => {
    const { reader, writer } = pipeRaw();
    using copy = writer.duplicate();
    expect(numbers(findHandles(writer))).toEqual(own(writer.raw, copy.raw));
    expect(numbers(findHandles(reader))).toEqual(own(reader.raw));
    for (const end of [reader, writer]) end.close();
    using file = temporaryFile("abc");
    using deleted = openRaw(file.path, "r");
    fs.unlinkSync(file.path);
    expect([...findHandles(deleted)]).toEqual([
      expect.objectContaining({ raw: deleted.raw, deleted: true, path: file.path }),
    ]);
  });

  test.runIf(canTrace)(
    "where the kernel compares nothing, says which processes may hold it",
    () => {
      using file = temporaryFile("abc");
      const { output } = runProgram("inspect/find.ts", { args: [file.path, "no kcmp"] });
      const { raws: [first, copy, other], path, object, pid } = lastLine(output) as Outcome;
      expect(path.raws.map(([, raw]) => raw)).toEqual([first, copy, other].sort((a, b) => a - b));
      expect(object.raws).toEqual([[true, first]]);
      expect(object.hidden).toContainEqual({
        pid,
        code: "ENOTSUP",
        reason: expect.stringContaining("kcmp") as string,
      });
    },
  );
});

describe.runIf(canChangeUser)("findHandles() between users (needs root and setpriv)", () => {
  test("has the processes that it may not examine, and why, beside what it has found", async () => {
    using folder = anybodysFolder();
    await using peer = await Peer.start();
    const file = `${root}/LICENSE`;
    const theirs = await peer.do("open", file, "r");
    const prefix = [...nobody, ...withHome(folder.path)];
    const { output } = runProgram("inspect/find.ts", { prefix, args: [file] });
    const { raws, path, object } = lastLine(output) as Outcome;
    expect(path.raws).toEqual(raws.toSorted((a, b) => a - b).map((raw) => [true, raw]));
    expect(object.raws).toHaveLength(2);
    for (const { hidden } of [path, object]) {
      const hint = expect.stringMatching(/user 0 .* user 65534: .*CAP_SYS_PTRACE$/) as string;
      expect(hidden).toContainEqual({ pid: peer.pid, code: "EACCES", reason: hint });
    }
    expect(numbers(findHandles({ path: file }))).toContainEqual([peer.pid, theirs]);
  });

  test("says that a port is held by a process that it may not examine", () => {
    using folder = anybodysFolder();
    using listener = listenOn({ port: 0, host: "127.0.0.1" });
    const { port } = inspectHandle(listener).socket!.local!;
    const prefix = [...nobody, ...withHome(folder.path)];
    const { output } = runProgram("inspect/find_port.ts", { prefix, args: [String(port)] });
    const { found, hidden } = lastLine(output) as { found: unknown[]; hidden: Shown["hidden"] };
    expect(found).toEqual([]);
    expect(hidden.map(({ pid }) => pid)).toContain(process.pid);
    expect(hidden.at(-1)).toEqual({
      code: "ESRCH",
      reason: expect.stringContaining("1 of its sockets") as string,
    });
  });

  test.runIf(canMount)("says that /proc hides processes (needs unshare)", () => {
    using folder = anybodysFolder();
    const hiding = ["unshare", "-m", "sh", "-c", `${HIDE} && exec "$@"`, "sh"];
    const prefix = [...hiding, ...nobody, ...withHome(folder.path)];
    const { output } = runProgram("inspect/find.ts", { prefix, args: [`${root}/LICENSE`] });
    const { path } = lastLine(output) as Outcome;
    expect(path.raws).toHaveLength(3);
    const hidden = expect.stringContaining("hidepid") as string;
    expect(path.hidden).toContainEqual({ code: "EPERM", reason: hidden });
  });
});
