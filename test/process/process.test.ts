import { spawn } from "node:child_process";
import * as fs from "node:fs";
import {
  currentProcess,
  duplicate,
  ForeignHandle,
  HandleError,
  isSameObject,
  openProcess,
  type OwnedHandle,
  ProcessHandle,
} from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { denied, notOpen, unsupported } from "../support/matchers.ts";
import { Peer, startOnce } from "../support/peer.ts";
import {
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  refersTo,
  temporaryFile,
  writeRaw,
} from "../support/system.ts";
import { isHandleError, thrownBy } from "../support/thrown.ts";

const ended = expect.objectContaining({ code: "ESRCH" });

/** Whether a number of another process is still that of an object. */
function isStillThere(other: ProcessHandle, theirs: number, object: OwnedHandle): boolean {
  try {
    using again = other.take(theirs);
    return isSameObject(again, object);
  } catch (error) {
    if (isHandleError(error)) return false;
    throw error;
  }
}

beforeAll(startOnce);

describe("ProcessHandle.take()", () => {
  test("makes a handle to the same open file: the position is shared between the processes", async () => {
    using file = temporaryFile("abcdefgh");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    expect(await peer.do("read", theirs, 2)).toBe("ab");
    using other = openProcess(peer.pid);
    using taken = other.take(theirs);
    expect(readRaw(taken.raw, 2)).toBe("cd");
    expect(await peer.do("read", theirs, 2)).toBe("ef");
    expect(taken.inheritable).toBe(false);
    await peer.do("close", theirs);
    expect(readRaw(taken.raw, 2)).toBe("gh");
  });

  test("keeps a deleted file alive when its process has ended", async () => {
    using file = temporaryFile("precious");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    // Windows removes the name at once only since version 1809; Wine keeps it.
    if (!isWindows) await peer.do("unlink", file.path);
    using other = openProcess(peer.pid);
    using taken = other.take(theirs);
    await peer.kill();
    expect(readRaw(taken.raw, 100)).toBe("precious");
  });

  test("takes access, inheritance and a minimum as duplicate() does", async () => {
    using file = temporaryFile("abcdef");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r+");
    using other = openProcess(peer.pid);
    using reader = other.take(theirs, { access: "read", inheritable: true });
    expect(reader.inheritable).toBe(true);
    expect(readRaw(reader.raw, 6)).toBe("abcdef");
    expect(() => writeRaw(reader.raw, "x")).toThrow(HandleError);
    using inheritable = other.take(theirs, { inheritable: true });
    expect(inheritable.inheritable).toBe(true);
    expect(writeRaw(inheritable.raw, "x")).toBe(1);
    if (isWindows) {
      expect(() => other.take(theirs, { minimum: 100 })).toThrow(unsupported);
    } else {
      using high = other.take(theirs, { minimum: 100 });
      expect(high.raw).toBeGreaterThanOrEqual(100);
    }
    const readOnly = await peer.do("open", file.path, "r");
    expect(() => other.take(readOnly, { access: "write" })).toThrow(
      denied,
    );
  });

  test("takes the handle away with closeSource (Linux: ENOTSUP, and it stays)", async () => {
    using file = temporaryFile("abcdef");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r");
    using other = openProcess(peer.pid);
    if (isWindows) {
      using before = other.take(theirs);
      expect(isStillThere(other, theirs, before)).toBe(true);
      using taken = other.take(theirs, { closeSource: true });
      // The runtime of that process may have reused the number.
      expect(isStillThere(other, theirs, taken)).toBe(false);
      expect(readRaw(taken.raw, 3)).toBe("abc");
    } else {
      const error = thrownBy(() => other.take(theirs, { closeSource: true }));
      expect(error).toMatchObject({ code: "ENOTSUP", status: "ERROR_NOT_SUPPORTED" });
      expect(error.message).toMatch(/on Linux only that process can; ask it to/);
      expect(await peer.do("isOpen", theirs)).toBe(true);
    }
  });

  test("of a handle that the process does not have", async () => {
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    expect(() => other.take(4000)).toThrow(notOpen);
    expect(thrownBy(() => other.take(4000)).handle).toBe(4000);
  });

  test("of this process is a duplicate, and closeSource closes the source", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    using me = openProcess(process.pid);
    using taken = me.take(source.raw);
    expect(readRaw(source.raw, 3) + readRaw(taken.raw, 3)).toBe("abcdef");
    using second = me.take(taken.duplicate().release(), { closeSource: true });
    expect(positionOf(second.raw)).toBe(6);
  });

  test("refuses what cannot be a handle of another process", () => {
    using me = currentProcess();
    for (const bad of [-1, -2, NaN, 1.5, 2 ** 31, "3", null, undefined, {}]) {
      expect(() => me.take(bad as number), String(bad)).toThrow(TypeError);
    }
    expect(() => me.take(1, { access: "all" as "read" })).toThrow(TypeError);
    const closed = openProcess(process.pid);
    closed.close();
    expect(() => closed.take(isWindows ? 4 : 1)).toThrow(notOpen);
  });
});

describe("openProcess()", () => {
  test("says that there is no such process", () => {
    const error = thrownBy(() => openProcess(0x7fff_fffc));
    expect(error.code).toBe("ESRCH");
    expect(error.message).toContain(String(0x7fff_fffc));
  });

  test("refuses what is no pid", () => {
    for (const bad of [0, -1, NaN, 1.5, 2 ** 31, "1", null]) {
      expect(() => openProcess(bad as number), String(bad)).toThrow(TypeError);
    }
  });

  test("of a process that has ended", async () => {
    await using peer = await Peer.start();
    const theirs = await peer.do("open", import.meta.filename, "r");
    using other = openProcess(peer.pid);
    await peer.kill();
    const error = thrownBy(() => other.take(theirs));
    expect(error).toEqual(ended);
    expect(error.message).toContain(`process ${peer.pid} has ended`);
  });

  test.runIf(!isWindows && process.getuid?.() === 0)(
    "never mistakes a process that got the same pid (chosen through ns_last_pid, as root)",
    async () => {
      using file = temporaryFile("abc");
      const fd = fs.openSync(file.path, "r");
      const stdio = [fd, "ignore", "ignore"] as const;
      const first = spawn("sleep", ["60"], { stdio: [...stdio] });
      using handle = openProcess(first.pid as number);
      handle.take(0).close();
      first.kill("SIGKILL");
      await new Promise((resolve) => first.on("close", resolve));
      for (let attempt = 0; attempt < 50; attempt++) {
        fs.writeFileSync("/proc/sys/kernel/ns_last_pid", String((first.pid as number) - 1));
        const second = spawn("sleep", ["60"], { stdio: [...stdio] });
        try {
          if (second.pid !== first.pid) continue; // another process got the pid first
          expect(() => handle.take(0)).toThrow(ended);
          using fresh = openProcess(second.pid as number);
          fresh.take(0).close();
          return;
        } finally {
          second.kill("SIGKILL");
          await new Promise((resolve) => second.on("close", resolve));
          if (second.pid === first.pid) fs.closeSync(fd);
        }
      }
      throw new Error("the pid was never given again");
    },
  );
});

describe("ProcessHandle.give()", () => {
  test.runIf(isWindows)("makes a handle in the other process (Linux: ENOTSUP)", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    const given = other.give(source);
    expect(given).toBeInstanceOf(ForeignHandle);
    expect(given.pid).toBe(peer.pid);
    expect(readRaw(source.raw, 2) + await peer.do("read", given.raw, 2)).toBe("abcd");
    expect(await peer.do("isInheritable", given.raw)).toBe(false);
    const reader = other.give(source, { access: "read", inheritable: true });
    expect(await peer.do("isInheritable", reader.raw)).toBe(true);
    expect(await peer.do("read", reader.raw, 2)).toBe("ef");
    await expect(peer.do("write", reader.raw, "x")).rejects.toMatchObject({ code: "EACCES" });
    const owned = source.duplicate();
    other.give(owned, { closeSource: true });
    expect(owned.closed).toBe(true);
    using back = other.take(given);
    expect(positionOf(back.raw)).toBe(6);
  });

  test.skipIf(isWindows)(
    "says on Linux what to use instead, and consumes a closeSource",
    async () => {
      const pipe = pipeRaw();
      using _reader = pipe.reader;
      using _writer = pipe.writer;
      await using peer = await Peer.start();
      using other = openProcess(peer.pid);
      const error = thrownBy(() => other.give(pipe.reader));
      expect(error).toEqual(unsupported);
      expect(error.message).toMatch(/channel, name it in spawn\(\), or let that process take\(\)/);
      const copy = pipe.reader.duplicate();
      expect(() => other.give(copy, { closeSource: true })).toThrow(unsupported);
      expect(copy.closed).toBe(true);
    },
  );

  test.runIf(isWindows)(
    "and take() serve two that only have their parent in common (Linux: see take_permission)",
    async () => {
      using file = temporaryFile("abcdefgh");
      await using one = await Peer.start();
      await using other = await Peer.start();
      for (const [from, to] of [[one, other], [other, one]] as const) {
        const theirs = await from.do("open", file.path, "r");
        expect(await to.do("takeAndRead", from.pid, theirs, 2)).toBe("ab");
        expect(await from.do("read", theirs, 2)).toBe("cd");
        const given = await from.do("give", to.pid, theirs);
        expect(await to.do("read", given, 2)).toBe("ef");
        await from.do("close", theirs);
        expect(await to.do("read", given, 2)).toBe("gh");
        await to.do("close", given);
      }
    },
  );

  test("into this process is a duplicate", () => {
    const pipe = pipeRaw();
    using _reader = pipe.reader;
    using _writer = pipe.writer;
    using me = currentProcess();
    const given = me.give(pipe.writer);
    writeRaw(given.raw, "abc");
    expect(readRaw(pipe.reader.raw, 3)).toBe("abc");
    given.close();
    given.close();
    expect(refersTo(given.raw, pipe.writer)).toBe(false);
  });

  test("refuses what cannot be given", () => {
    using me = currentProcess();
    for (const bad of [-1, NaN, "3", null, {}]) {
      expect(() => me.give(bad as number), String(bad)).toThrow(TypeError);
    }
    const pipe = pipeRaw();
    using _reader = pipe.reader;
    using _writer = pipe.writer;
    expect(() => me.give(pipe.reader.borrow(), { closeSource: true })).toThrow(TypeError);
  });
});

describe("ForeignHandle.close()", () => {
  test.runIf(isWindows)("closes the handle in the other process (Linux: ENOTSUP)", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    const given = other.give(source);
    expect(await peer.do("read", given.raw, 2)).toBe("ab");
    given.close();
    await expect(peer.do("read", given.raw, 2)).rejects.toMatchObject({ code: "EBADF" });
    given.close(); // a second call does nothing
    // The number is free again, so a second close could hit another handle of that process.
    expect(() => new ForeignHandle(other, 40_000).close()).toThrow(notOpen);
    const late = other.give(source);
    await peer.kill();
    expect(() => late.close()).toThrow(ended);
    expect(readRaw(source.raw, 4)).toBe("cdef");
  });

  test.skipIf(isWindows)("says on Linux that only the process itself can", async () => {
    await using peer = await Peer.start();
    const theirs = await peer.do("open", import.meta.filename, "r");
    using other = openProcess(peer.pid);
    const error = thrownBy(() => new ForeignHandle(other, theirs).close());
    expect(error).toEqual(unsupported);
    expect(error.message).toContain("only that process can");
    expect(await peer.do("isOpen", theirs)).toBe(true);
  });

  test("a handle of one process is not one of another", async () => {
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    using me = currentProcess();
    const pipe = pipeRaw();
    using _reader = pipe.reader;
    using _writer = pipe.writer;
    using given = { handle: me.give(pipe.reader), [Symbol.dispose]: () => given.handle.close() };
    expect(() => other.take(given.handle)).toThrow(notOpen);
    me.take(given.handle).close();
  });
});

describe("currentProcess()", () => {
  test("its duplicate is a real handle of this process", () => {
    using me = currentProcess();
    expect(me.pid).toBe(process.pid);
    using real = me.duplicate();
    expect(real.raw).toBeGreaterThan(2);
    if (isWindows) expect(me.raw).toBe(-1);
    using second = duplicate(me);
    expect(second.raw).not.toBe(real.raw);
  });
});

describe("new ProcessHandle()", () => {
  test("refuses what is no handle or no pid, and −1, which only currentProcess() may use", () => {
    using me = currentProcess();
    using real = me.duplicate();
    // The constructor is private; a program without types can still call it.
    const Public = ProcessHandle as unknown as new (raw: number, pid: number) => ProcessHandle;
    class Derived extends Public {}
    for (const Kind of [Public, Derived, me.constructor as typeof Public]) {
      for (const bad of [-1, -0, -2, NaN, 1.5, 2 ** 31, "3", null, undefined, {}]) {
        const make = () => new Kind(bad as number, process.ppid);
        expect(make, String(bad)).toThrow(TypeError);
      }
      for (const bad of [0, -0, -1, NaN, 1.5, 2 ** 31, "1", null, undefined, {}]) {
        const make = () => new Kind(real.raw, bad as number);
        expect(make, String(bad)).toThrow(TypeError);
      }
    }
    expect(() => new Public(-1, process.pid)).toThrow(/-1 .*what a failed call returns/);
    using again = new Public(me.duplicate().release(), process.pid);
    const pipe = pipeRaw();
    using _writer = pipe.writer;
    using reader = pipe.reader;
    using taken = again.take(reader.raw);
    expect(taken.raw).not.toBe(reader.raw);
  });
});

test("a ForeignHandle is closed at the end of a using block", () => {
  const pipe = pipeRaw();
  using reader = pipe.reader;
  using writer = pipe.writer;
  using me = currentProcess();
  let raw: number;
  {
    using given = me.give(writer);
    raw = given.raw;
    writeRaw(raw, "abc");
  }
  expect(readRaw(reader.raw, 3)).toBe("abc");
  expect(refersTo(raw, writer)).toBe(false);
});
