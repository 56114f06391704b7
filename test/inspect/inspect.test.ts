import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import {
  borrow,
  currentProcess,
  duplicate,
  type HandleInfo,
  type HandleSource,
  inspectHandle,
  isSameObject,
  listHandles,
  openProcess,
} from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { badKinds, badNumbers, badSources } from "../support/bad_values.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { socketPair } from "../support/sockets.ts";
import {
  closeRaw,
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  readRaw,
  temporaryFile,
  writeRaw,
} from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

const { pid } = process;
const notOpen = { code: "EBADF", status: "ERROR_INVALID_HANDLE" };

beforeAll(async () => {
  await startOnce();
  await openOnce();
});

/** The one handle of a list with this number. */
function entryOf(raw: number, list: readonly HandleInfo[]): HandleInfo | undefined {
  const found = list.filter((info) => info.raw === raw);
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0];
}

describe("inspectHandle()", () => {
  test("describes a file with all its properties", () => {
    using file = temporaryFile("abcdef");
    using handle = openRaw(file.path, "r+");
    const { dev, ino } = fs.statSync(file.path);
    const info = inspectHandle(handle);
    expect(info).toEqual({
      raw: handle.raw,
      pid,
      kind: "file",
      access: "read-write",
      ...(isWindows ? { accessMask: 0x0012_019f } : {}),
      inheritable: false,
      path: fs.realpathSync.native(file.path),
      position: 0,
      references: 1,
      // Deno on Windows reports no device and no inode of a file.
      device: isWindows && isDeno ? info.device : dev,
      inode: isWindows && isDeno ? info.inode : ino,
    });
    expect(typeof info.device).toBe("number");
  });

  test("follows the position, which duplicates share", () => {
    using file = temporaryFile("abcdef");
    using handle = openRaw(file.path, "r");
    using copy = duplicate(handle);
    using stranger = openRaw(file.path, "r");
    const positions = () => [handle, copy, stranger].map((each) => inspectHandle(each).position);
    expect(positions()).toEqual([0, 0, 0]);
    readRaw(handle.raw, 2);
    expect(positions()).toEqual([2, 2, 0]);
    readRaw(copy.raw, 100);
    readRaw(stranger.raw, 1);
    expect(positions()).toEqual([6, 6, 1]);
    expect(readRaw(stranger.raw, 1)).toBe("b"); // inspecting moved nothing
  });

  test.each(["r", "w", "r+"] as const)("reports the access of a file opened as %s", (mode) => {
    using file = temporaryFile("");
    using handle = openRaw(file.path, mode);
    const expected = { r: "read", w: "write", "r+": "read-write" }[mode];
    expect(inspectHandle(handle).access).toBe(expected);
  });

  test("reports the access of a narrowed duplicate", () => {
    using file = temporaryFile("");
    using handle = openRaw(file.path, "r+");
    for (const access of ["read", "write"] as const) {
      using narrow = duplicate(handle, { access });
      expect(inspectHandle(narrow).access).toBe(access);
      expect(inspectHandle(handle).access).toBe("read-write");
    }
  });

  test("reports whether child processes inherit it, for each handle separately", () => {
    using handle = duplicate(1);
    using copy = duplicate(handle, { inheritable: true });
    const inheritance = () => [handle, copy].map((each) => inspectHandle(each).inheritable);
    expect(inheritance()).toEqual([false, true]);
    handle.inheritable = true;
    copy.inheritable = false;
    expect(inheritance()).toEqual([true, false]);
  });

  test("counts the handles that share the object, up and down", () => {
    using file = temporaryFile("");
    using handle = openRaw(file.path, "r");
    using stranger = openRaw(file.path, "r");
    const references = () => [handle, stranger].map((each) => inspectHandle(each).references);
    expect(references()).toEqual([1, 1]);
    const copies = [duplicate(handle), duplicate(handle), duplicate(handle)];
    expect(references()).toEqual([4, 1]);
    expect(copies.map((copy) => inspectHandle(copy).references)).toEqual([4, 4, 4]);
    copies.pop()?.close();
    expect(references()).toEqual([3, 1]);
    for (const copy of copies) copy.close();
    expect(references()).toEqual([1, 1]);
  });

  test("reports the path after the file was moved", () => {
    using file = temporaryFile("abc");
    using handle = openRaw(file.path, "r");
    const moved = path.join(path.dirname(fs.realpathSync.native(file.path)), "moved ünd ☃");
    fs.renameSync(file.path, moved);
    const { path: found, deleted } = inspectHandle(handle);
    // Wine keeps the path by which the file was opened.
    if (isWindows) {
      expect([moved, fs.realpathSync.native(path.dirname(moved)) + "\\file.txt"]).toContain(found);
    } else expect(found).toBe(moved);
    expect(deleted).toBeUndefined();
  });

  test("describes the ends of a pipe, without a position", () => {
    const pipe = pipeRaw();
    using reader = pipe.reader;
    using writer = pipe.writer;
    writeRaw(writer.raw, "waiting");
    expect(inspectHandle(reader)).toMatchObject({ kind: "pipe", access: "read" });
    expect(inspectHandle(writer)).toMatchObject({ kind: "pipe", access: "write" });
    for (const end of [reader, writer]) {
      expect(inspectHandle(end).position).toBeUndefined();
      expect(inspectHandle(end).path).toBeUndefined();
    }
    expect(readRaw(reader.raw, 100)).toBe("waiting");
  });

  test("recognizes a socket", () => {
    const [near, far] = socketPair();
    using one = near;
    using other = far;
    expect(inspectHandle(one)).toMatchObject({ kind: "socket", access: "read-write" });
    expect(inspectHandle(other)).toMatchObject({ kind: "socket", access: "read-write" });
  });

  test("describes this process, and a real handle of it", () => {
    using me = currentProcess();
    expect(inspectHandle(me)).toMatchObject({ raw: me.raw, pid, kind: "process" });
    using real = me.duplicate();
    expect(inspectHandle(real)).toMatchObject({ raw: real.raw, kind: "process" });
  });

  test("takes every source", async () => {
    using file = temporaryFile("abc");
    const fd = fs.openSync(file.path, "r");
    const handle = await fs.promises.open(file.path, "w");
    expect(inspectHandle(fd)).toMatchObject({ kind: "file", access: "read" });
    expect(inspectHandle({ fd })).toEqual(inspectHandle(fd));
    expect(inspectHandle(handle)).toMatchObject({ kind: "file", access: "write" });
    fs.closeSync(fd);
    await handle.close();
  });

  test.runIf(isDeno && !isWindows)("takes a Deno.FsFile", () => {
    using file = temporaryFile("abc");
    const { openSync } = (globalThis as unknown as {
      Deno: { openSync(path: string): HandleSource & Disposable };
    }).Deno;
    using opened = openSync(file.path);
    expect(inspectHandle(opened)).toMatchObject({ kind: "file", access: "read" });
  });

  test("is EBADF when the source is not open", () => {
    const closed = duplicate(1);
    closed.close();
    expect(thrownBy(() => inspectHandle(closed))).toMatchObject(notOpen);
    const gone = duplicate(1);
    const borrowed = borrow(gone.raw);
    closeRaw(gone.release());
    expect(thrownBy(() => inspectHandle(borrowed))).toMatchObject(notOpen);
    expect(thrownBy(() => isSameObject(borrowed, 1))).toMatchObject(notOpen);
    expect(thrownBy(() => isSameObject(1, borrowed))).toMatchObject(notOpen);
    expect(thrownBy(() => isSameObject(borrowed, borrowed))).toMatchObject(notOpen);
  });

  test("is a TypeError or EBADF when the value is not a source", () => {
    for (const [name, bad] of [...badNumbers, ...badKinds, ...badSources()]) {
      for (
        const call of [
          () => inspectHandle(bad as never),
          () => isSameObject(bad as never, 1),
          () => isSameObject(1, bad as never),
        ]
      ) {
        let thrown: unknown;
        try {
          call();
        } catch (error) {
          thrown = error;
        }
        const known = thrown instanceof TypeError ||
          (thrown as { code?: unknown })?.code === "EBADF";
        expect(known, `${name} threw ${thrown}`).toBe(true);
      }
    }
  });
});

describe("isSameObject()", () => {
  test("is true of a duplicate, of its duplicate and of the handle itself", () => {
    using file = temporaryFile("abc");
    using handle = openRaw(file.path, "r");
    using copy = duplicate(handle, { inheritable: true });
    using again = duplicate(copy);
    const all = [handle, copy, again, borrow(handle.raw)];
    for (const a of all) for (const b of all) expect(isSameObject(a, b)).toBe(true);
  });

  test("is false of another opening of the same path, also at the same position", () => {
    using file = temporaryFile("abc");
    using handle = openRaw(file.path, "r");
    using stranger = openRaw(file.path, "r");
    expect(isSameObject(handle, stranger)).toBe(false);
    for (const each of [handle, stranger]) readRaw(each.raw, 2);
    expect(isSameObject(handle, stranger)).toBe(false);
    expect(isSameObject(stranger, handle)).toBe(false);
  });

  test("is false of the two ends of a pipe and of two sockets", () => {
    const pipe = pipeRaw();
    using reader = pipe.reader;
    using writer = pipe.writer;
    expect(isSameObject(reader, writer)).toBe(false);
    const [near, far] = socketPair();
    using one = near;
    using other = far;
    expect(isSameObject(one, other)).toBe(false);
  });

  test("is true of two takes from another process", async () => {
    using file = temporaryFile("abc");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    using other = openProcess(peer.pid);
    using one = other.take(theirs);
    using two = other.take(theirs);
    using stranger = openRaw(file.path, "r");
    expect(isSameObject(one, two)).toBe(true);
    expect(isSameObject(one, stranger)).toBe(false);
  });

  test("is true of a narrowed duplicate on Windows, where it is the same object, and false on Linux", () => {
    using file = temporaryFile("abc");
    using handle = openRaw(file.path, "r+");
    using narrow = duplicate(handle, { access: "read" });
    expect(isSameObject(handle, narrow)).toBe(isWindows);
  });
});

describe("listHandles()", () => {
  test("describes each handle as inspectHandle() does", () => {
    using file = temporaryFile("abcdef");
    const pipe = pipeRaw();
    using reader = pipe.reader;
    using writer = pipe.writer;
    using handle = openRaw(file.path, "r+");
    using copy = duplicate(handle, { inheritable: true });
    using narrow = duplicate(handle, { access: "write" });
    readRaw(handle.raw, 3);
    const list = listHandles();
    for (const each of [reader, writer, handle, copy, narrow]) {
      expect(entryOf(each.raw, list)).toEqual(inspectHandle(each));
    }
    expect(entryOf(copy.raw, list)).toMatchObject({ position: 3, inheritable: true });
  });

  test("has what is open and not what is closed, lowest number first", () => {
    const numbers = () => listHandles().map(({ raw }) => raw);
    using handle = duplicate(1);
    const { raw } = handle;
    const during = numbers();
    expect(during).toContain(raw);
    expect(during).toEqual([...during].sort((a, b) => a - b));
    handle.close();
    expect(numbers()).not.toContain(raw);
  });

  test("of another process shows its handles, with path and position", async () => {
    using file = temporaryFile("abcdef");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r+");
    await peer.do("read", theirs, 2);
    const find = () => entryOf(theirs, listHandles(peer.pid));
    const expected = {
      raw: theirs,
      pid: peer.pid,
      kind: "file",
      access: "read-write",
      inheritable: false,
      path: fs.realpathSync.native(file.path),
      position: 2,
      references: 1,
    };
    const info = find();
    expect(info).toMatchObject(expected);
    using own = openRaw(file.path, "r");
    const { device, inode } = inspectHandle(own);
    expect([info?.device, info?.inode]).toEqual([device, inode]);
    expect(find()).toEqual(info); // listing changed nothing
    const copy = await peer.do("duplicate", theirs);
    expect(find()).toMatchObject({ ...expected, references: 2 });
    expect(entryOf(copy, listHandles(peer.pid))).toMatchObject({ position: 2, references: 2 });
    await peer.do("close", theirs);
    expect(find()?.path).toBeUndefined(); // the number may be another handle's by now
    await peer.do("close", copy);
  });

  test("is ESRCH when the process has ended", () => {
    const { pid } = spawnSync(process.execPath, ["--version"], { stdio: "ignore" });
    const error = thrownBy(() => listHandles(pid));
    expect(error).toMatchObject({ code: "ESRCH", status: "ERROR_INVALID_PARAMETER" });
    expect(error.message).toContain(`process ${pid}`);
  });

  test("is a TypeError when the value is not a pid", () => {
    for (const [name, bad] of [...badNumbers, ...badKinds, ["0", 0], ["2^31", 2 ** 31]] as const) {
      expect(() => listHandles(bad as never), name).toThrow(TypeError);
    }
  });
});
