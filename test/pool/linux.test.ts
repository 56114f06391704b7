/** What survives paging on Linux, and what the runtime's node:fs can do with the descriptors. */
import * as fs from "node:fs";
import { promisify } from "node:util";
import { duplicate, isSameObject, type OwnedHandle, type PooledDescriptor } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { eventfd, tryLock } from "../support/linux_objects.ts";
import { filled, readFd, writeFd } from "../support/pool_files.ts";
import { socketPair } from "../support/sockets.ts";
import { openRaw, pipeRaw, temporaryFile, writeRaw } from "../support/system.ts";

/** A pool with one descriptor, a file in it, and what pages that out. */
function paged(handle: OwnedHandle) {
  const filling = filled(1, 30);
  const file = filling.pool.add(handle);
  return {
    file,
    pageOut: () => filling.files.forEach((other) => other.use(() => {})),
    [Symbol.dispose]: () => filling[Symbol.dispose](),
  };
}

/** Does it with a file that was just paged out. */
function after<Result>(
  { file, pageOut }: { file: PooledDescriptor; pageOut: () => void },
  action: (fd: number) => Result,
): Result {
  pageOut();
  return file.use(action);
}

describe.runIf(process.platform === "linux")("paging on Linux keeps", () => {
  test("a deleted file", () => {
    using temporary = temporaryFile("0123456789");
    using pool = paged(openRaw(temporary.path, "r+"));
    fs.unlinkSync(temporary.path);
    expect(after(pool, (fd) => readFd(fd, 4))).toBe("0123");
    expect(after(pool, (fd) => writeFd(fd, "xy"))).toBe(2);
    expect(after(pool, (fd) => readFd(fd, 10))).toBe("6789");
    expect(after(pool, (fd) => fs.fstatSync(fd).nlink)).toBe(0);
  });

  test("a lock, until the file is closed", () => {
    using temporary = temporaryFile("");
    using pool = paged(openRaw(temporary.path, "r+"));
    using other = openRaw(temporary.path, "r+");
    expect(pool.file.use((fd) => tryLock(fd))).toBe(true);
    for (let round = 0; round < 3; round++) {
      expect(after(pool, () => tryLock(other.raw))).toBe(false);
      pool.pageOut();
      expect(tryLock(other.raw)).toBe(false);
    }
    pool.file.close();
    expect(tryLock(other.raw)).toBe(true);
  });

  test("a pipe and a socket with what is in them", () => {
    const pipe = pipeRaw();
    const [near, far] = socketPair();
    for (const [reader, writer] of [[pipe.reader, pipe.writer], [near, far]] as const) {
      using pool = paged(reader);
      writeRaw(writer.raw, "one two");
      expect(after(pool, (fd) => readFd(fd, 4))).toBe("one ");
      expect(after(pool, (fd) => readFd(fd, 4))).toBe("two");
      writer.close();
      expect(after(pool, (fd) => readFd(fd, 4))).toBe("");
    }
  });

  test("the object itself, with its flags and its count", () => {
    using temporary = temporaryFile("ab");
    const { O_APPEND, O_NONBLOCK, O_RDWR, O_CLOEXEC } = posix;
    const raw = posix.open(temporary.path, O_RDWR | O_APPEND | O_CLOEXEC);
    using mine = duplicate(raw);
    posix.close(raw);
    posix.fcntl_setfl(mine.raw, O_APPEND | O_NONBLOCK);
    {
      using pool = paged(mine.duplicate());
      expect(after(pool, (fd) => isSameObject(fd, mine))).toBe(true);
      const flags = after(pool, (fd) => posix.fcntl_getfl(fd));
      expect(flags & (O_APPEND | O_NONBLOCK)).toBe(O_APPEND | O_NONBLOCK);
      expect(after(pool, (fd) => posix.fcntl_getfd(fd) & posix.FD_CLOEXEC)).toBe(1);
    }
    const counter = eventfd();
    using watch = counter.duplicate();
    using pool = paged(counter);
    posix.write(watch.raw, new Uint8Array([7, 0, 0, 0, 0, 0, 0, 0]));
    const bytes = new Uint8Array(8);
    expect(after(pool, (fd) => posix.read(fd, bytes))).toBe(8);
    expect(bytes[0]).toBe(7);
  });

  test("a file of which there are several duplicates, each of which is closed by itself", () => {
    using temporary = temporaryFile("0123456789");
    const source = openRaw(temporary.path, "r");
    using filling = filled(2, 40);
    const copies = Array.from({ length: 40 }, () => filling.pool.add(source.duplicate()));
    source.close();
    for (let at = 0; at < 10; at++) {
      const copy = copies[at * 7 % 40]!;
      expect(copy.use((fd) => readFd(fd, 1))).toBe(String(at));
      copy.close();
    }
    const { resident, parked } = filling.pool.stats;
    expect(resident + parked).toBe(70);
  });
});

describe.runIf(process.platform === "linux")("node:fs on a descriptor of the pool", () => {
  test("reads, writes, truncates and stats, and fails as for other descriptors", () => {
    using temporary = temporaryFile("0123456789");
    using pool = paged(openRaw(temporary.path, "r+"));
    expect(after(pool, (fd) => fs.readFileSync(fd, "utf8"))).toBe("0123456789");
    after(pool, (fd) => fs.writeSync(fd, Buffer.from("ab"), 0, 2, 1));
    after(pool, (fd) => fs.ftruncateSync(fd, 5));
    after(pool, (fd) => fs.fsyncSync(fd));
    after(pool, (fd) => fs.futimesSync(fd, 1, 2));
    expect(after(pool, (fd) => fs.fstatSync(fd).mtimeMs)).toBe(2000);
    expect(fs.readFileSync(temporary.path, "utf8")).toBe("0ab34");
    using reader = paged(openRaw(temporary.path, "r"));
    expect(() => after(reader, (fd) => fs.writeSync(fd, "x"))).toThrow(
      /EBADF|Bad file|not permitted/i,
    );
  });

  test("works on other threads while everything else is paged", async () => {
    using temporary = temporaryFile("0123456789");
    using filling = filled(4, 40);
    const file = filling.pool.add(openRaw(temporary.path, "r+"));
    const bytes = new Uint8Array(4);
    const reading = file.use((fd) => promisify(fs.read)(fd, bytes, 0, 4, 2));
    filling.files.forEach((other) => other.use((fd) => readFd(fd, 2)));
    await reading;
    expect(new TextDecoder().decode(bytes)).toBe("2345");
    await Promise.all(
      [...filling.files, file].slice(-4).map((each) => each.use((fd) => promisify(fs.fstat)(fd))),
    );
    await file.use((fd) => promisify(fs.write)(fd, "x", 0));
    expect(fs.readFileSync(temporary.path, "utf8")).toBe("x123456789");
  });
});
