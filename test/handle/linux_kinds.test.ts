/** Every kind of object that a user of Linux meets: both handles act on one object. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { currentProcess, duplicate, openProcess, OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import * as linux from "../support/linux_objects.ts";
import {
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
  writeRaw,
} from "../support/system.ts";

const one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

/** How often a counter or a timer has gone off since it was last asked. */
function count(fd: number): number {
  const buffer = new Uint8Array(8);
  posix.read(fd, buffer);
  return buffer[0] as number;
}

/** The two ways to a second handle: within the process, and as from another process. */
const ways: [string, (source: OwnedHandle) => OwnedHandle][] = [
  ["duplicate()", (source) => duplicate(source)],
  ["a take through pidfd_getfd", (source) => {
    using me = currentProcess();
    return OwnedHandle.fromRaw(posix.pidfd_getfd(me.raw, source.raw, 0));
  }],
];

describe.runIf(process.platform === "linux").each(ways)(
  "%s (the kinds of Linux; those of Windows: win32_objects.test.ts)",
  (_way, second) => {
    test("of a file shares position and lock, also when the file is deleted", () => {
      using file = temporaryFile("abcdef");
      using source = openRaw(file.path, "r+");
      using stranger = openRaw(file.path, "r+");
      using copy = second(source);
      expect(linux.tryLock(copy.raw)).toBe(true);
      expect(linux.tryLock(source.raw)).toBe(true);
      expect(linux.tryLock(stranger.raw)).toBe(false);
      fs.unlinkSync(file.path);
      expect(readRaw(source.raw, 3)).toBe("abc");
      expect(positionOf(copy.raw)).toBe(3);
      source.close();
      expect(readRaw(copy.raw, 3)).toBe("def");
      expect(linux.tryLock(stranger.raw)).toBe(false);
      copy.close();
      expect(linux.tryLock(stranger.raw)).toBe(true);
    });

    test("of a directory refers to it under its new name", () => {
      using folder = temporaryFolder();
      fs.mkdirSync(`${folder.path}/old`);
      using source = openRaw(`${folder.path}/old`, "r");
      using copy = second(source);
      fs.renameSync(`${folder.path}/old`, `${folder.path}/new`);
      fs.writeFileSync(`${folder.path}/new/file`, "");
      source.close();
      expect(fs.readdirSync(`/proc/self/fd/${copy.raw}/`)).toEqual(["file"]);
    });

    test("of a pipe's end keeps it open until the last closes", () => {
      const pipe = pipeRaw();
      using reader = pipe.reader;
      using copy = second(pipe.writer);
      pipe.writer.close();
      expect(linux.isReady(reader.raw)).toBe(false);
      writeRaw(copy.raw, "abc");
      copy.close();
      expect(readRaw(reader.raw, 10) + readRaw(reader.raw, 10)).toBe("abc");
    });

    test("of a socket is the same end of the connection", () => {
      const [a, b] = posix.socketpair(posix.AF_UNIX, posix.SOCK_STREAM | posix.SOCK_CLOEXEC, 0);
      using source = OwnedHandle.fromRaw(a);
      using other = OwnedHandle.fromRaw(b);
      using copy = second(source);
      writeRaw(source.raw, "one ");
      writeRaw(copy.raw, "two");
      expect(readRaw(other.raw, 10)).toBe("one two");
      source.close();
      writeRaw(other.raw, "back");
      expect(readRaw(copy.raw, 10)).toBe("back");
      copy.close();
      expect(readRaw(other.raw, 10)).toBe("");
    });

    test("of a terminal reads what is typed at the other end", () => {
      using terminal = openRaw("/dev/ptmx", "r+");
      const other = linux.otherEnd(terminal.raw);
      using source = OwnedHandle.fromRaw(
        posix.open(other, posix.O_RDWR | posix.O_NOCTTY | posix.O_CLOEXEC),
      );
      using copy = second(source);
      source.close();
      writeRaw(terminal.raw, "typed\n");
      expect(readRaw(copy.raw, 10)).toBe("typed\n");
    });

    test("of an eventfd counts on", () => {
      using source = linux.eventfd();
      using copy = second(source);
      posix.write(source.raw, one);
      posix.write(copy.raw, one);
      expect(count(copy.raw)).toBe(2);
      expect(linux.isReady(source.raw)).toBe(false);
    });

    test("of a timerfd is set through one, goes off at both and is stopped through the other", () => {
      using source = linux.timerfd();
      using copy = second(source);
      linux.setTimer(source.raw, 1);
      expect(linux.isReady(copy.raw, 60_000)).toBe(true);
      expect(count(copy.raw)).toBe(1);
      linux.setTimer(source.raw, 3_600_000);
      linux.setTimer(copy.raw, 0);
      expect(linux.isReady(source.raw)).toBe(false);
      linux.setTimer(source.raw, 1);
      source.close();
      expect(linux.isReady(copy.raw, 60_000)).toBe(true);
    });

    test("of a memfd has the same bytes, which live until the last closes", () => {
      using source = linux.memfd();
      using copy = second(source);
      writeRaw(source.raw, "in memory");
      source.close();
      expect(posix.lseek(copy.raw, 0, posix.SEEK_SET)).toBe(0);
      expect(readRaw(copy.raw, 100)).toBe("in memory");
    });

    test("of an epoll is the same set", () => {
      using source = linux.epoll();
      using copy = second(source);
      using counter = linux.eventfd();
      linux.epollAdd(source.raw, counter.raw);
      expect(linux.epollReady(copy.raw)).toBe(0);
      posix.write(counter.raw, one);
      expect([linux.epollReady(copy.raw), linux.epollReady(source.raw)]).toEqual([1, 1]);
    });

    test("of a pidfd tells the end of its process", async () => {
      const child = spawn("sleep", ["600"], { stdio: "ignore" });
      const closed = new Promise((resolve) => child.once("close", resolve));
      using source = openProcess(child.pid as number);
      using copy = second(source);
      source.close();
      expect(linux.isReady(copy.raw)).toBe(false);
      child.kill("SIGKILL");
      expect(linux.isReady(copy.raw, 60_000)).toBe(true);
      await closed;
    });
  },
);
