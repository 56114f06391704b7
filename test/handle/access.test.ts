import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import { borrow, duplicate, OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import { denied, unsupported } from "../support/matchers.ts";
import { runProgram } from "../support/program.ts";
import {
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
  writeRaw,
} from "../support/system.ts";
import { canTrace, failing } from "../support/trace.ts";

const isLinux = process.platform === "linux";

/** A handle without the right: Windows says access denied, POSIX that it is not open for that. */
const lacksRight = expect.objectContaining({ code: isWindows ? "EACCES" : "EBADF" });

describe("duplicate() with access", () => {
  test('"read" of a read-write file reads and refuses to write', () => {
    using file = temporaryFile("abcdefgh");
    using source = openRaw(file.path, "r+");
    expect(readRaw(source.raw, 2)).toBe("ab");
    using copy = duplicate(source, { access: "read" });
    expect(positionOf(copy.raw)).toBe(2);
    expect(readRaw(copy.raw, 2)).toBe("cd");
    expect(() => writeRaw(copy.raw, "x")).toThrow(lacksRight);
    // Windows narrows the handle, so the position is one; Linux opens the file once more.
    expect(positionOf(source.raw)).toBe(isWindows ? 4 : 2);
    expect(copy.inheritable).toBe(false);
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcdefgh");
  });

  test('"write" of a read-write file writes and refuses to read', () => {
    using file = temporaryFile("abcdefgh");
    using source = openRaw(file.path, "r+");
    expect(readRaw(source.raw, 2)).toBe("ab");
    using copy = duplicate(source, { access: "write", inheritable: true });
    expect(() => readRaw(copy.raw, 1)).toThrow(lacksRight);
    expect(writeRaw(copy.raw, "XY")).toBe(2);
    expect(fs.readFileSync(file.path, "utf8")).toBe("abXYefgh");
    expect(copy.inheritable).toBe(true);
  });

  test("is a plain duplicate when the source has just that access", () => {
    using file = temporaryFile("abcdefgh");
    using source = openRaw(file.path, "r");
    using copy = duplicate(source, { access: "read" });
    expect(readRaw(source.raw, 2) + readRaw(copy.raw, 2)).toBe("abcd");
  });

  test("never gives what the source lacks", () => {
    using file = temporaryFile("abc");
    using reading = openRaw(file.path, "r");
    using writing = openRaw(file.path, "w");
    expect(() => duplicate(reading, { access: "write" })).toThrow(denied);
    expect(() => duplicate(writing, { access: "read" })).toThrow(denied);
    expect(() => duplicate(reading, { access: 0xc000_0000 })).toThrow(denied);
    expect(() => duplicate(writing, { access: win32.FILE_GENERIC_READ })).toThrow(denied);
    const message = "open the source with the access that its duplicates need";
    expect(() => duplicate(reading, { access: "write" })).toThrow(message);
  });

  test('"read-write" of a read-write file reads and writes, with one position', () => {
    using file = temporaryFile("abcdefgh");
    using source = openRaw(file.path, "r+");
    expect(readRaw(source.raw, 2)).toBe("ab");
    using copy = duplicate(source, { access: "read-write" });
    expect(readRaw(copy.raw, 2)).toBe("cd");
    expect(writeRaw(copy.raw, "XY")).toBe(2);
    expect(positionOf(source.raw)).toBe(6);
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcdXYgh");
    expect(copy.inheritable).toBe(false);
    if (isWindows) {
      const { GrantedAccess } = win32.NtQueryObject(copy.raw);
      expect(GrantedAccess).toBe(win32.FILE_GENERIC_READ | win32.FILE_GENERIC_WRITE);
    }
  });

  test('"read-write" is refused when the source lacks reading or writing', () => {
    using file = temporaryFile("abc");
    using reading = openRaw(file.path, "r");
    using writing = openRaw(file.path, "w");
    for (const source of [reading, writing]) {
      expect(() => duplicate(source, { access: "read-write" })).toThrow(denied);
      expect(() => duplicate(borrow(source.raw), { access: "read-write" })).toThrow(denied);
    }
  });

  test("works on a deleted file", () => {
    using folder = temporaryFolder();
    const file = `${folder.path}/gone.txt`;
    fs.writeFileSync(file, "abcdef");
    using source = openRaw(file, "r+");
    readRaw(source.raw, 1);
    fs.rmSync(file);
    using copy = duplicate(source, { access: "read" });
    expect(readRaw(copy.raw, 3)).toBe("bcd");
    expect(() => writeRaw(copy.raw, "x")).toThrow(lacksRight);
  });

  test("works on the ends of a pipe", () => {
    const { reader, writer } = pipeRaw();
    try {
      using readable = duplicate(reader, { access: "read" });
      using writable = duplicate(writer, { access: "write" });
      writeRaw(writable.raw, "through");
      expect(readRaw(readable.raw, 16)).toBe("through");
      expect(() => duplicate(reader, { access: "write" })).toThrow(denied);
    } finally {
      reader.close();
      writer.close();
    }
  });

  test("takes the generic and the file access masks, and on Windows any mask", () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    for (const access of [win32.GENERIC_READ, win32.GENERIC_READ | 0, win32.FILE_GENERIC_READ]) {
      using copy = duplicate(source, { access });
      expect(readRaw(copy.raw, 1)).toMatch(/[a-f]/);
      expect(() => writeRaw(copy.raw, "x")).toThrow(lacksRight);
    }
    using both = duplicate(source, {
      access: (win32.GENERIC_READ | win32.GENERIC_WRITE) >>> 0,
    });
    expect(writeRaw(both.raw, "Z")).toBe(1);
    if (isWindows) {
      using dataOnly = duplicate(source, { access: win32.FILE_READ_DATA });
      expect(win32.NtQueryObject(dataOnly.raw).GrantedAccess).toBe(win32.FILE_READ_DATA);
    } else {
      expect(() => duplicate(source, { access: win32.FILE_READ_DATA }))
        .toThrow(expect.objectContaining({ code: "ENOTSUP" }));
    }
  });

  test.runIf(isWindows)('"write" keeps a source that may only append', () => {
    using file = temporaryFile("abc");
    const fd = win32.CreateFileW(file.path, win32.FILE_APPEND_DATA, 7, null, 3, 0x80, 0);
    using copy = borrow(fd).duplicate({ access: "write" });
    writeRaw(copy.raw, "d");
    win32.CloseHandle(fd);
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcd");
  });

  test.skipIf(isWindows)("keeps O_APPEND and O_NONBLOCK (POSIX: Windows has no such flags)", () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r+");
    posix.fcntl_setfl(source.raw, posix.O_APPEND | posix.O_NONBLOCK);
    using copy = duplicate(source, { access: "write" });
    writeRaw(copy.raw, "d");
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcd");
    expect(posix.fcntl_getfl(copy.raw) & posix.O_NONBLOCK).not.toBe(0);
  });

  test.runIf(isLinux)("keeps O_DSYNC, O_SYNC and O_NOATIME (Linux)", () => {
    using file = temporaryFile("abc");
    for (const kept of [posix.O_DSYNC, posix.O_SYNC, posix.O_SYNC | posix.O_NOATIME]) {
      const flags = kept | posix.O_APPEND | posix.O_CLOEXEC;
      using source = OwnedHandle.fromRaw(posix.open(file.path, flags | posix.O_RDWR));
      for (const [access, mode] of [["read", posix.O_RDONLY], ["write", posix.O_WRONLY]] as const) {
        using copy = duplicate(source, { access });
        const sourceFlags = posix.fcntl_getfl(source.raw) & ~posix.O_ACCMODE;
        expect(posix.fcntl_getfl(copy.raw)).toBe(sourceFlags | mode);
        expect(sourceFlags & kept).toBe(kept);
      }
    }
  });

  test.runIf(isLinux)("keeps O_DIRECT, where the file system has it (Linux)", (context) => {
    using file = temporaryFile("abc");
    const source = openDirect(file.path);
    if (source === undefined) return context.skip("the temporary folder has no O_DIRECT");
    using copy = duplicate(source, { access: "read" });
    expect(posix.fcntl_getfl(copy.raw) & posix.O_DIRECT).toBe(posix.O_DIRECT);
    source.close();
  });

  test.runIf(isLinux)("keeps the packets of a pipe (Linux)", () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/pipe`;
    spawnSync("mkfifo", [path]);
    using source = OwnedHandle.fromRaw(posix.open(path, posix.O_RDWR | posix.O_CLOEXEC));
    posix.fcntl_setfl(source.raw, posix.O_DIRECT);
    using copy = duplicate(source, { access: "write" });
    expect(posix.fcntl_getfl(copy.raw) & posix.O_DIRECT).toBe(posix.O_DIRECT);
    writeRaw(copy.raw, "one");
    writeRaw(copy.raw, "two");
    expect([readRaw(source.raw, 16), readRaw(source.raw, 16)]).toEqual(["one", "two"]);
  });

  test.runIf(canTrace)(
    "goes on without O_NOATIME where only the owner may have it (strace)",
    () => {
      using file = temporaryFile("abc");
      // The number that the program gives its source; only the first opening is refused.
      const { before, after } = runProgram("ffi/fault.ts", {
        args: ["noatime", file.path],
        prefix: failing("/proc/self/fd/900", "openat:error=EPERM:when=1"),
      }).result as Record<string, number>;
      const both = posix.O_SYNC | posix.O_NOATIME;
      expect([before! & both, after! & both]).toEqual([both, posix.O_SYNC]);
    },
  );

  test.runIf(isLinux)("refuses a terminal's master: opened again, it is another's (Linux)", () => {
    const { O_CLOEXEC, O_NOCTTY, O_RDWR } = posix;
    using master = OwnedHandle.fromRaw(posix.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    expect(() => master.duplicate({ access: "read" })).toThrow(unsupported);
    expect(() => master.duplicate({ access: "read" })).toThrow('use access: "same"');
    master.duplicate({ access: "same" }).close();
    using other = OwnedHandle.fromRaw(posix.open("/dev/null", O_RDWR | O_CLOEXEC));
    using copy = other.duplicate({ access: "write" });
    expect(posix.fcntl_getfl(copy.raw) & posix.O_ACCMODE).toBe(posix.O_WRONLY);
  });

  test.skipIf(isWindows)("honours minimum (POSIX: Windows chooses the number)", () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r+");
    using copy = duplicate(source, { access: "read", minimum: 600 });
    expect(copy.raw).toBeGreaterThanOrEqual(600);
    expect(copy.inheritable).toBe(false);
    expect(readRaw(copy.raw, 3)).toBe("abc");
  });

  test.skipIf(isWindows)("says that a socket cannot be narrowed (POSIX)", async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo;
    const sockets = socketDescriptors();
    expect(sockets.length, `a listening socket on port ${port}`).toBeGreaterThan(0);
    for (const fd of sockets) {
      expect(() => borrow(fd).duplicate({ access: "read" }))
        .toThrow(unsupported);
    }
    await new Promise((resolve) => server.close(resolve));
  });

  test.skipIf(isWindows)("gives nothing through a descriptor without access (POSIX)", () => {
    using file = temporaryFile("abc");
    const fd = posix.open(file.path, posix.O_PATH | posix.O_CLOEXEC);
    try {
      expect(() => borrow(fd).duplicate({ access: "read" })).toThrow(denied);
    } finally {
      posix.close(fd);
    }
  });
});

/** A file opened for direct input and output; `undefined` where its file system has none. */
function openDirect(path: string): OwnedHandle | undefined {
  try {
    const flags = posix.O_RDWR | posix.O_DIRECT | posix.O_CLOEXEC;
    return OwnedHandle.fromRaw(posix.open(path, flags));
  } catch (error) {
    if ((error as { code?: unknown }).code === "EINVAL") return undefined;
    throw error;
  }
}

function socketDescriptors(): number[] {
  return fs.readdirSync("/proc/self/fd").map(Number).filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  });
}
