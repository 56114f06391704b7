/** Finding who holds a file, a port or an object. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:http";
import * as path from "node:path";
import {
  borrow,
  duplicate,
  findHandles,
  type FoundHandle,
  type HandleSource,
  inspectHandle,
  listenOn,
  openProcess,
  type PathTarget,
  type PortTarget,
} from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { Peer, startOnce } from "../support/peer.ts";
import { isDeno, isWindows, NEVER_OPEN, openRaw, temporaryFile } from "../support/system.ts";
import { connectOnce, openOnce } from "../support/windows_objects.ts";

const isSupported = isWindows || process.platform === "linux";

beforeAll(async () => {
  await startOnce();
  await openOnce();
  await connectOnce();
  if (isSupported) findHandles({ port: 1 }); // loads libraries, which stay open
});

/** Which handles were found: of each its process and its number. */
const numbers = (found: readonly FoundHandle[]) => found.map(({ pid, raw }) => [pid, raw]);
const portOf = (source: HandleSource) => inspectHandle(source).socket!.local!.port!;

describe.runIf(isSupported)("findHandles() of a path", () => {
  test("finds the handles of every process to the file, and no others", async () => {
    using file = temporaryFile("abc");
    using other = temporaryFile("abc");
    await using peer = await Peer.start();
    expect([...findHandles({ path: file.path })]).toEqual([]);
    const theirs = await peer.do("open", file.path, "r");
    await peer.do("open", other.path, "r");
    using ours = openRaw(file.path, "r+");
    using copy = ours.duplicate();
    using _ = openRaw(other.path, "r");
    await peer.do("read", theirs, 2);
    const found = findHandles({ path: file.path });
    const own = [ours.raw, copy.raw].sort((a, b) => a - b).map((raw) => [process.pid, raw]);
    const wanted = [...own, [peer.pid, theirs]];
    expect(numbers(found).sort()).toEqual(wanted.sort());
    const { dev, ino } = fs.statSync(file.path);
    expect(found.find(({ pid }) => pid === peer.pid)).toMatchObject({
      kind: "file",
      access: "read",
      inheritable: false,
      position: 2,
      path: fs.realpathSync.native(file.path),
      inode: ino,
      ...(isWindows ? {} : { device: dev }),
    });
    expect(found.find(({ raw }) => raw === ours.raw)?.access).toBe("read-write");
    await peer.do("close", theirs);
    expect(numbers(findHandles({ path: file.path }))).toEqual(own);
  });

  test("follows links, and takes a path that begins at the working directory", () => {
    using file = temporaryFile("abc");
    const link = path.join(path.dirname(file.path), "link");
    fs.linkSync(file.path, link);
    using ours = openRaw(link, "r");
    const relative = path.relative(process.cwd(), file.path);
    for (const name of [file.path, link, relative]) {
      expect(numbers(findHandles({ path: name }))).toEqual([[process.pid, ours.raw]]);
    }
    fs.unlinkSync(link);
  });

  test("says that there is no such file", () => {
    const missing = expect.objectContaining({ name: "HandleError", code: "ENOENT" });
    using file = temporaryFile("");
    expect(() => findHandles({ path: `${file.path}.none` })).toThrow(missing);
  });
});

describe.runIf(isSupported)("findHandles() of a port", () => {
  test("finds a listening socket of this process and of another", async () => {
    await using peer = await Peer.start();
    using listener = listenOn({ port: 0, host: "127.0.0.1" });
    const port = portOf(listener);
    const socket = {
      family: "IPv4",
      type: "stream",
      listening: true,
      local: { address: "127.0.0.1", port },
    };
    expect([...findHandles({ port })]).toEqual([
      expect.objectContaining({ pid: process.pid, raw: listener.raw, kind: "socket", socket }),
    ]);
    listener.close();
    expect([...findHandles({ port })]).toEqual([]);
    const theirs = await peer.do("listenOn", port);
    expect([...findHandles({ port })]).toEqual([
      expect.objectContaining({
        pid: peer.pid,
        raw: theirs,
        access: "read-write",
        inheritable: false,
        socket,
      }),
    ]);
  });

  test("finds the process of a server of the runtime", async () => {
    await using peer = await Peer.start();
    const port = await peer.do("serve");
    const found = findHandles({ port });
    expect(found.map(({ pid }) => pid)).toEqual([peer.pid]);
    const [{ raw, socket, reason } = {}] = found;
    expect(socket).toMatchObject({ listening: true, local: { address: "127.0.0.1", port } });
    // While an operation is under way on it, Windows would wait for the end of that.
    if (raw === undefined) expect([isWindows, reason]).toEqual([true, expect.any(String)]);
  });
});

describe.runIf(isSupported)("findHandles() of a source", () => {
  test("finds what shares the open file, in every process, and no other opening", async () => {
    using file = temporaryFile("abc");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    using target = openProcess(peer.pid);
    using taken = target.take(theirs);
    using copy = taken.duplicate();
    using _ = openRaw(file.path, "r");
    const own = [taken.raw, copy.raw].sort((a, b) => a - b);
    const wanted = [...own.map((raw) => [process.pid, raw]), [peer.pid, theirs]].sort();
    expect(numbers(findHandles(taken)).sort()).toEqual(wanted);
    await peer.do("close", theirs);
    expect(numbers(findHandles(copy))).toEqual(own.map((raw) => [process.pid, raw]));
    expect(numbers(findHandles({ path: file.path }))).toHaveLength(3);
  });

  test("takes what has an fd beside a path, and a server, for what it is", async () => {
    using file = temporaryFile("abc");
    using ours = openRaw(file.path, "r");
    using copy = duplicate(ours);
    const found = findHandles(ours);
    expect(numbers(found)).toEqual(
      [ours.raw, copy.raw].sort((a, b) => a - b)
        .map((raw) => [process.pid, raw]),
    );
    if (isWindows) return; // there a server of a runtime is no source
    const both = { fd: ours.raw, path: "/nowhere", port: 1 };
    expect(numbers(findHandles(both))).toEqual(numbers(found));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    expect(findHandles(server).every(({ kind }) => kind === "socket")).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });

  test("is EBADF when it is not open", () => {
    const notOpen = expect.objectContaining({ code: "EBADF" });
    expect(() => findHandles(borrow(NEVER_OPEN))).toThrow(notOpen);
  });
});

test("findHandles() checks what it is given before it does anything", () => {
  const bad: unknown[] = [undefined, null, "x", {}, [], { path: 1 }, { path: "" }, {
    path: "a\0b",
  }];
  bad.push({ port: 0 }, { port: 65_536 }, { port: "80" }, { port: 1.5 }, { path: "/", port: 1 });
  bad.push({ path: "/", more: 1 }, { port: 1, host: "x" }, new URL("file:///"), NaN, -5);
  for (const value of bad) {
    const wrong = () => findHandles(value as PathTarget | PortTarget);
    expect(wrong, JSON.stringify(value)).toThrow(TypeError);
  }
});

test.runIf(isDeno && isSupported)(
  "findHandles() needs no permission but that for FFI (Deno)",
  () => {
    const { execPath } = process;
    const program = `import { findHandles } from "./mod.ts";
    const found = [findHandles({ path: "README.md" }), findHandles({ port: 1 }), findHandles(1)];
    if (found[2].length === 0) throw new Error("nothing found");`;
    const args = ["run", "--allow-ffi", "--no-prompt", "--quiet", "-"];
    const { status, stderr } = spawnSync(execPath, args, { input: program, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  },
);
