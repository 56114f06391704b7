import * as fs from "node:fs";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { isWindows, temporaryFile } from "./support/system.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const { O_CLOEXEC, O_RDWR, O_RDONLY } = posix;

describe.runIf(isWindows)("duphandle/posix on Windows", () => {
  test("every call says what to use instead", () => {
    const calls = Object.entries(posix).filter(([, value]) =>
      typeof value === "function" && value !== posix.HandleError
    ) as [string, (...values: unknown[]) => unknown][];
    expect(calls.length).toBeGreaterThan(10);
    for (const [name, call] of calls) {
      const value = name === "open" ? "/dev/null" : 1;
      const second = name === "read" || name === "write" ? new Uint8Array(1) : 2;
      expect(() => call(value, second, 0), name).toThrow(
        expect.objectContaining({ code: "ENOTSUP", status: "ERROR_NOT_SUPPORTED", native: 50 }),
      );
      expect(() => call(value, second, 0), name).toThrow("duphandle/win32");
    }
  });
});

describe.skipIf(isWindows)("duphandle/posix (ENOTSUP on Windows, see above)", () => {
  test("dup() shares the position and is inheritable", () => {
    using file = temporaryFile("abcdef");
    const fd = posix.open(file.path, O_RDONLY | O_CLOEXEC);
    const copy = posix.dup(fd);
    expect(posix.read(fd, new Uint8Array(2))).toBe(2);
    expect(posix.lseek(copy, 0, posix.SEEK_CUR)).toBe(2);
    expect(posix.fcntl_getfd(copy)).toBe(0);
    posix.close(fd);
    posix.close(copy);
  });

  test("dup2() replaces, returns the new number, and does nothing with equal numbers", () => {
    using first = temporaryFile("first");
    using second = temporaryFile("second");
    const a = posix.open(first.path, O_RDONLY | O_CLOEXEC);
    const b = posix.open(second.path, O_RDONLY | O_CLOEXEC);
    expect(posix.dup2(b, b)).toBe(b);
    expect(posix.fcntl_getfd(b)).toBe(posix.FD_CLOEXEC);
    expect(posix.dup2(a, b)).toBe(b);
    const buffer = new Uint8Array(5);
    posix.read(b, buffer);
    expect(new TextDecoder().decode(buffer)).toBe("first");
    expect(posix.fcntl_getfd(b)).toBe(0);
    posix.close(a);
    posix.close(b);
  });

  test("dup3() sets O_CLOEXEC, and refuses equal numbers and unknown flags", () => {
    const a = posix.open("/dev/null", O_RDONLY | O_CLOEXEC);
    expect(posix.dup3(a, 800, O_CLOEXEC)).toBe(800);
    expect(posix.fcntl_getfd(800)).toBe(posix.FD_CLOEXEC);
    expect(posix.dup3(a, 800, 0)).toBe(800);
    expect(posix.fcntl_getfd(800)).toBe(0);
    const invalid = expect.objectContaining({ code: "EINVAL", native: 22, syscall: "dup3" });
    expect(() => posix.dup3(a, a, 0)).toThrow(invalid);
    expect(() => posix.dup3(a, 800, 1)).toThrow(invalid);
    posix.close(800);
    posix.close(a);
  });

  test("fcntl_dupfd() and fcntl_dupfd_cloexec() honour the minimum and differ in inheritance", () => {
    const a = posix.open("/dev/null", O_RDONLY | O_CLOEXEC);
    const plain = posix.fcntl_dupfd(a, 810);
    const cloexec = posix.fcntl_dupfd_cloexec(a, 810);
    const low = posix.fcntl_dupfd_cloexec(a);
    expect([plain, cloexec]).toEqual([810, 811]);
    expect(low).toBeLessThan(800);
    expect([plain, cloexec].map(posix.fcntl_getfd)).toEqual([0, posix.FD_CLOEXEC]);
    const invalid = expect.objectContaining({ code: "EINVAL" });
    expect(() => posix.fcntl_dupfd_cloexec(a, 0x7fff_fff0)).toThrow(invalid);
    for (const fd of [a, plain, cloexec, low]) posix.close(fd);
  });

  test("fcntl_setfd() is the descriptor's affair, fcntl_setfl() the open file's", () => {
    using file = temporaryFile("abc");
    const a = posix.open(file.path, O_RDWR | O_CLOEXEC);
    const b = posix.fcntl_dupfd_cloexec(a);
    posix.fcntl_setfd(a, 0);
    expect([a, b].map(posix.fcntl_getfd)).toEqual([0, posix.FD_CLOEXEC]);
    posix.fcntl_setfl(a, posix.O_APPEND);
    expect(posix.fcntl_getfl(b) & posix.O_APPEND).toBe(posix.O_APPEND);
    expect(posix.fcntl_getfl(b) & posix.O_ACCMODE).toBe(O_RDWR);
    posix.write(b, bytes("d"));
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcd");
    posix.close(a);
    posix.close(b);
  });

  test("open(), read(), write() and lseek() do what the C calls do", () => {
    using file = temporaryFile("");
    const created = `${file.path}.new`;
    const fd = posix.open(created, O_RDWR | O_CLOEXEC | fs.constants.O_CREAT, 0o640);
    expect(fs.statSync(created).mode & 0o777).toBe(0o640 & ~process.umask());
    expect(posix.write(fd, bytes("hello world"), 5)).toBe(5);
    expect(posix.lseek(fd, -4, posix.SEEK_END)).toBe(1);
    const buffer = new Uint8Array(10);
    expect(posix.read(fd, buffer, 2)).toBe(2);
    expect(new TextDecoder().decode(buffer.subarray(0, 3))).toBe("el\0");
    expect(posix.read(fd, buffer)).toBe(2);
    expect(posix.read(fd, buffer)).toBe(0);
    const far = 5_000_000_000;
    expect(posix.lseek(fd, far, posix.SEEK_SET)).toBe(far);
    posix.close(fd);
    fs.rmSync(created);
    expect(() => posix.open(created, O_RDONLY)).toThrow(
      expect.objectContaining({ code: "ENOENT", syscall: "open", handle: undefined }),
    );
    expect(() => posix.open(created, O_RDONLY)).toThrow(created);
  });

  test("a buffer larger than the scratch memory is read and written in parts", () => {
    using file = temporaryFile("");
    const fd = posix.open(file.path, O_RDWR | O_CLOEXEC);
    const big = new Uint8Array(200_000).fill(7);
    let done = 0;
    while (done < big.length) done += posix.write(fd, big.subarray(done));
    posix.lseek(fd, 0, posix.SEEK_SET);
    const back = new Uint8Array(200_000);
    for (let at = 0; at < back.length;) at += posix.read(fd, back.subarray(at));
    expect(back).toEqual(big);
    posix.close(fd);
  });

  test("pipe2() makes two ends, and errors tell which call and which descriptor", () => {
    const [reader, writer] = posix.pipe2(O_CLOEXEC | posix.O_NONBLOCK);
    expect(posix.write(writer, bytes("x"))).toBe(1);
    expect(posix.read(reader, new Uint8Array(4))).toBe(1);
    expect(() => posix.read(reader, new Uint8Array(4))).toThrow(
      expect.objectContaining({ code: "EAGAIN", syscall: "read", handle: reader }),
    );
    expect(() => posix.lseek(reader, 0, 0)).toThrow(
      expect.objectContaining({ code: "ESPIPE", syscall: "lseek", handle: reader }),
    );
    expect(() => posix.write(reader, bytes("x"))).toThrow(
      expect.objectContaining({ code: "EBADF", syscall: "write", handle: reader }),
    );
    expect(posix.fcntl_getfd(reader)).toBe(posix.FD_CLOEXEC);
    posix.close(reader);
    posix.close(writer);
    expect(() => posix.close(writer)).toThrow(
      expect.objectContaining({ code: "EBADF", syscall: "close", handle: writer }),
    );
  });
});
