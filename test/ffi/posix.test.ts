import * as fs from "node:fs";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { functionsOf, posixArguments } from "../support/raw_arguments.ts";
import { isWindows, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const { O_CLOEXEC, O_RDWR, O_RDONLY } = posix;

describe.runIf(isWindows)("duphandle/posix on Windows", () => {
  test("every call says what to use instead", () => {
    const calls = functionsOf(posix);
    expect(calls.size).toBeGreaterThan(10);
    for (const [name, call] of calls) {
      const values = posixArguments[name]!;
      expect(() => call(...values), name).toThrow(
        expect.objectContaining({ code: "ENOTSUP", status: "ERROR_NOT_SUPPORTED", native: 50 }),
      );
      expect(() => call(...values), name).toThrow("duphandle/win32");
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

  test("fcntl_setfd() changes one descriptor, fcntl_setfl() the open file", () => {
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
    const fd = posix.open(created, O_RDWR | O_CLOEXEC | posix.O_CREAT, 0o640);
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

  test("open() with O_CREAT, O_EXCL and O_TRUNC makes, refuses and empties", () => {
    using file = temporaryFile("content");
    const { O_CREAT, O_EXCL, O_TRUNC } = posix;
    const again = thrownBy(() => posix.open(file.path, O_RDWR | O_CREAT | O_EXCL, 0o600));
    expect(again).toMatchObject({ code: "EEXIST", status: "ERROR_FILE_EXISTS", syscall: "open" });
    posix.close(posix.open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600));
    expect(fs.readFileSync(file.path, "utf8")).toBe("content");
    posix.close(posix.open(file.path, O_RDWR | O_TRUNC | O_CLOEXEC));
    expect(fs.readFileSync(file.path, "utf8")).toBe("");
    const made = `${file.path}.new`;
    posix.close(posix.open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600));
    expect(fs.statSync(made).mode & 0o777).toBe(0o600);
    fs.rmSync(made);
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

  test("pipe2() makes two ends, and errors name the call and the descriptor", () => {
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

  test("socketpair() connects two descriptors, closed on exec with SOCK_CLOEXEC", () => {
    const [one, other] = posix.socketpair(posix.AF_UNIX, posix.SOCK_STREAM | posix.SOCK_CLOEXEC, 0);
    expect(posix.fcntl_getfd(one)).toBe(posix.FD_CLOEXEC);
    posix.write(one, bytes("ping"));
    const buffer = new Uint8Array(4);
    expect(posix.read(other, buffer)).toBe(4);
    posix.write(other, buffer);
    expect(posix.read(one, buffer)).toBe(4);
    posix.close(one);
    expect(posix.read(other, buffer)).toBe(0);
    posix.close(other);
    expect(() => posix.socketpair(99, 1, 0)).toThrow(
      expect.objectContaining({ syscall: "socketpair" }),
    );
  });

  test("poll() reports which descriptors have events, and which are not open", () => {
    const [reader, writer] = posix.pipe2(O_CLOEXEC);
    const fds: posix.PollFd[] = [
      { fd: reader, events: posix.POLLIN },
      { fd: writer, events: posix.POLLOUT },
      { fd: 4000, events: posix.POLLIN },
    ];
    expect(posix.poll(fds, 0)).toBe(2);
    expect(fds.map(({ revents }) => revents)).toEqual([0, posix.POLLOUT, posix.POLLNVAL]);
    posix.write(writer, bytes("x"));
    posix.close(writer);
    const last = { fd: reader, events: posix.POLLIN, revents: 0 };
    expect(posix.poll([last], -1)).toBe(1);
    expect(last.revents).toBe(posix.POLLIN | posix.POLLHUP);
    expect(posix.poll([], 1)).toBe(0);
    posix.close(reader);
    expect(() => posix.poll([{ fd: -1, events: 1 }], 0)).toThrow(TypeError);
    expect(() => posix.poll({ length: 1 } as never, 0)).toThrow(TypeError);
  });

  test("pidfd_open() and pidfd_getfd() give a handle of the process and of its file", () => {
    using file = temporaryFile("abcdef");
    const fd = posix.open(file.path, O_RDONLY);
    const me = posix.pidfd_open(process.pid, 0);
    const copy = posix.pidfd_getfd(me, fd, 0);
    expect([me, copy].map(posix.fcntl_getfd)).toEqual([posix.FD_CLOEXEC, posix.FD_CLOEXEC]);
    posix.read(fd, new Uint8Array(2));
    expect(posix.lseek(copy, 0, posix.SEEK_CUR)).toBe(2);
    expect(() => posix.pidfd_getfd(me, 4000, 0)).toThrow(/no such descriptor: list its/);
    expect(() => posix.pidfd_getfd(fd, fd, 0)).toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(() => posix.pidfd_open(process.pid, 1)).toThrow(/the flags must be known/);
    expect(() => posix.pidfd_open(0x7fff_fffc, 0)).toThrow(
      expect.objectContaining({ code: "ESRCH", native: 3 }),
    );
    for (const each of [fd, me, copy]) posix.close(each);
  });

  test("kcmp() distinguishes one open file from two of the same path", () => {
    using file = temporaryFile("");
    const fd = posix.open(file.path, O_RDONLY | O_CLOEXEC);
    const copy = posix.fcntl_dupfd_cloexec(fd);
    const again = posix.open(file.path, O_RDONLY | O_CLOEXEC);
    const compare = (a: number, b: number) =>
      posix.kcmp(process.pid, process.pid, posix.KCMP_FILE, a, b);
    expect(compare(fd, copy)).toBe(0);
    expect(compare(fd, again)).not.toBe(0);
    expect(() => compare(fd, 4000)).toThrow(expect.objectContaining({ code: "EBADF" }));
    for (const each of [fd, copy, again]) posix.close(each);
  });

  test("prctl() reads attributes, and refuses options that the kernel does not know", () => {
    const PR_GET_DUMPABLE = 3;
    expect(posix.prctl(PR_GET_DUMPABLE)).toBe(1);
    expect(() => posix.prctl(0x7fff_0000)).toThrow(expect.objectContaining({ code: "ENOTSUP" }));
    expect(() => posix.prctl(4, 9)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => posix.prctl(1, NaN)).toThrow(TypeError);
  });
});
