/** The calls of sockets in `duphandle/posix`, on real sockets of each family. */
import * as fs from "node:fs";
import * as path from "node:path";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { sockaddrOf } from "../../ffi/posix/socket_address.ts";
import { isWindows, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

const { AF_INET, AF_INET6, AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } = posix;

/** A socket that is closed when the test ends. */
function socket(domain: number, type: number = SOCK_STREAM) {
  const fd = posix.socket(domain, type | SOCK_CLOEXEC, 0);
  return { fd, [Symbol.dispose]: () => posix.close(fd) };
}

/** Takes over an accepted descriptor. */
function owned(fd: number) {
  return { fd, [Symbol.dispose]: () => posix.close(fd) };
}

const nameOf = (fd: number) => posix.getsockname(fd) as posix.KnownSocketName;

// Windows has duphandle/win32, and macOS has no accept4.
describe.runIf(process.platform === "linux")("sockets of duphandle/posix (Linux)", () => {
  const families: readonly [string, number, posix.KnownSocketName][] = [
    ["IPv4", AF_INET, { family: "IPv4", address: "127.0.0.1", port: 0 }],
    ["IPv6", AF_INET6, { family: "IPv6", address: "::1", port: 0 }],
    ["IPv6 in another spelling", AF_INET6, { family: "IPv6", address: "0:0::0:0.0.0.1", port: 0 }],
    ["an abstract name", AF_UNIX, { family: "unix", path: `\0duphandle-${crypto.randomUUID()}` }],
    ["any abstract name", AF_UNIX, { family: "unix", path: "" }],
  ];

  test.each(families)("a connection by %s has the addresses of both ends", (_, domain, name) => {
    using listener = socket(domain);
    posix.bind(listener.fd, name);
    posix.listen(listener.fd, posix.SOMAXCONN);
    const at = nameOf(listener.fd);
    if ("port" in at) {
      expect(at).toMatchObject({
        family: name.family,
        address: domain === AF_INET ? "127.0.0.1" : "::1",
      });
      expect(at.port).toBeGreaterThan(0);
    } else expect(at.path[0]).toBe("\0");
    using client = socket(domain);
    posix.connect(client.fd, at);
    using server = owned(posix.accept4(listener.fd, SOCK_CLOEXEC));
    expect(posix.getpeername(client.fd)).toEqual(at);
    expect(posix.getpeername(server.fd)).toEqual(posix.getsockname(client.fd));
    posix.write(client.fd, new TextEncoder().encode("hello"));
    expect(posix.read(server.fd, new Uint8Array(9))).toBe(5);
    expect(posix.fcntl_getfd(server.fd)).toBe(posix.FD_CLOEXEC);
    expect(posix.getsockopt(listener.fd, SOL_SOCKET, posix.SO_ACCEPTCONN)).toBe(1);
    expect(posix.getsockopt(server.fd, SOL_SOCKET, posix.SO_ACCEPTCONN)).toBe(0);
  });

  test("a path of the longest length is a path, and no close removes it", () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "x").padEnd(107, "x");
    {
      using listener = socket(AF_UNIX);
      posix.bind(listener.fd, { family: "unix", path: at });
      posix.listen(listener.fd, 1);
      expect(posix.getsockname(listener.fd)).toEqual({ family: "unix", path: at });
      using client = socket(AF_UNIX);
      posix.connect(client.fd, { family: "unix", path: at });
    }
    expect(fs.statSync(at).isSocket()).toBe(true);
    using client = socket(AF_UNIX);
    const refused = thrownBy(() => posix.connect(client.fd, { family: "unix", path: at }));
    expect(refused).toMatchObject({ code: "ECONNREFUSED", syscall: "connect", handle: client.fd });
    expect((refused as Error).message).toContain(at);
  });

  test("an address that is in use, or of another family, is refused with the address", () => {
    using one = socket(AF_INET);
    using other = socket(AF_INET);
    posix.bind(one.fd, { family: "IPv4", address: "127.0.0.1", port: 0 });
    const name = nameOf(one.fd) as { port: number };
    expect(thrownBy(() => posix.bind(other.fd, nameOf(one.fd)))).toMatchObject({
      code: "EADDRINUSE",
      syscall: "bind",
      handle: other.fd,
      message: expect.stringContaining(`127.0.0.1 port ${name.port}`) as string,
    });
    const wrong = { family: "IPv6", address: "::1", port: 0 } as const;
    expect(thrownBy(() => posix.bind(other.fd, wrong))).toMatchObject({ code: "EAFNOSUPPORT" });
    expect(thrownBy(() => posix.getpeername(one.fd))).toMatchObject({ code: "ENOTCONN" });
    expect(thrownBy(() => posix.accept4(one.fd, SOCK_CLOEXEC))).toMatchObject({ code: "EINVAL" });
    expect(thrownBy(() => posix.accept4(one.fd, 1))).toMatchObject({ code: "EINVAL" });
    expect(thrownBy(() => posix.socket(AF_INET, 77, 0))).toMatchObject({ code: "EINVAL" });
  });

  test("a connection that takes time is EINPROGRESS, and SO_ERROR tells its end", () => {
    using client = socket(AF_INET, SOCK_STREAM | posix.SOCK_NONBLOCK);
    using listener = socket(AF_INET);
    posix.bind(listener.fd, { family: "IPv4", address: "127.0.0.1", port: 0 });
    const at = nameOf(listener.fd); // it does not listen
    const started = thrownBy(() => posix.connect(client.fd, at)) as { code?: string };
    if (started.code === "EINPROGRESS") {
      const state: posix.PollFd = { fd: client.fd, events: posix.POLLOUT };
      while (posix.poll([state], 1000) === 0);
      expect(posix.getsockopt(client.fd, SOL_SOCKET, posix.SO_ERROR)).toBe(111); // ECONNREFUSED
      expect(posix.getsockopt(client.fd, SOL_SOCKET, posix.SO_ERROR)).toBe(0);
    } else expect(started.code).toBe("ECONNREFUSED");
  });

  test("options are numbers, or the bytes of a structure", () => {
    using connection = socket(AF_INET);
    const { IPPROTO_TCP, SO_LINGER, SO_REUSEADDR, TCP_NODELAY } = posix;
    for (const [level, name] of [[SOL_SOCKET, SO_REUSEADDR], [IPPROTO_TCP, TCP_NODELAY]] as const) {
      expect(posix.getsockopt(connection.fd, level, name)).toBe(0);
      posix.setsockopt(connection.fd, level, name, 1);
      expect(posix.getsockopt(connection.fd, level, name)).toBe(1);
    }
    const linger = new Uint8Array(Int32Array.of(1, 7).buffer);
    posix.setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, linger);
    expect(posix.getsockopt(connection.fd, SOL_SOCKET, SO_LINGER, 64)).toEqual(linger);
    expect(posix.getsockopt(connection.fd, SOL_SOCKET, SO_LINGER, 4)).toEqual(linger.slice(0, 4));
    expect(
      thrownBy(() => posix.setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, linger.slice(0, 4))),
    )
      .toMatchObject({ code: "EINVAL" });
    expect(thrownBy(() => posix.getsockopt(connection.fd, SOL_SOCKET, 9999))).toMatchObject({
      code: "ENOPROTOOPT",
    });
  });

  test("an option that reads its value finds none there", () => {
    const TCP_ZEROCOPY_RECEIVE = 35; // linux/tcp.h: it reads the addresses of memory to write to
    using listener = socket(AF_INET);
    posix.bind(listener.fd, { family: "IPv4", address: "127.0.0.1", port: 0 });
    posix.listen(listener.fd, 1);
    using client = socket(AF_INET);
    posix.connect(client.fd, nameOf(listener.fd));
    posix.write(client.fd, new Uint8Array(64).fill(0xff)); // what the memory of the calls has
    const value = posix.getsockopt(client.fd, posix.IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, 16);
    expect([...value]).toEqual(Array(16).fill(0));
  });

  test("who is at the other end is told by the kernel", () => {
    const [one, other] = posix.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const { buffer } = posix.getsockopt(one, SOL_SOCKET, posix.SO_PEERCRED, 12);
    expect([...new Uint32Array(buffer)]).toEqual([
      process.pid,
      process.getuid!(),
      process.getgid!(),
    ]);
    posix.close(one);
    posix.close(other);
  });

  test.each([
    undefined,
    {},
    { family: "IPv5", address: "::1", port: 1 },
    { family: "IPv4", address: "::1", port: 1 },
    { family: "IPv6", address: "127.0.0.1", port: 1 },
    { family: "IPv6", address: "fe80::1%eth0", port: 1 },
    { family: "IPv6", address: "fe80::1%4294967296", port: 1 },
    { family: "IPv4", address: "127.0.0.1", port: 65_536 },
    { family: "IPv4", address: "127.0.0.1" },
    { family: "unix", path: "/tmp/a\0b" },
    { family: "unix", path: "x".repeat(108) },
    { family: "unix" },
    { family: "other" },
  ])("what is no address is a TypeError: %o", (name) => {
    using one = socket(AF_INET);
    expect(() => posix.bind(one.fd, name as posix.KnownSocketName)).toThrow(TypeError);
    expect(() => posix.connect(one.fd, name as posix.KnownSocketName)).toThrow(TypeError);
    expect(posix.getsockname(one.fd)).toEqual({ family: "IPv4", address: "0.0.0.0", port: 0 });
  });

  test("the interface of an IPv6 address is its scope", () => {
    const { bytes } = sockaddrOf({ family: "IPv6", address: "fe80::2%259", port: 258 });
    const address = [0xfe, 0x80, ...Array<number>(13).fill(0), 2];
    expect([...bytes]).toEqual([10, 0, 1, 2, 0, 0, 0, 0, ...address, 3, 1, 0, 0]);
  });
});

test.skipIf(isWindows)(
  "a number that is no socket is ENOTSOCK, and one that is not open EBADF",
  () => {
    const fd = posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC);
    const listen = (fd: number) => posix.listen(fd, 1);
    for (const call of [posix.getsockname, posix.getpeername, listen]) {
      expect(thrownBy(() => call(fd))).toMatchObject({ code: "ENOTSOCK", handle: fd });
      expect(thrownBy(() => call(0x7fff_fff0))).toMatchObject({ code: "EBADF" });
    }
    posix.close(fd);
  },
);
