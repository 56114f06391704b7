/** `sendmsg` and `recvmsg` of `duphandle/posix`, on real sockets. */
import { borrow, isSameObject } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { Intruder, lyingBuffers } from "../support/hostile_values.ts";
import { thrownBy } from "../support/thrown.ts";

const { AF_UNIX, MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC } = posix;
const { SCM_CREDENTIALS, SCM_RIGHTS, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } = posix;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (buffer: Uint8Array) => new TextDecoder().decode(buffer);
const rights = (...fds: number[]): posix.ControlMessage => ({
  level: SOL_SOCKET,
  type: SCM_RIGHTS,
  fds,
});

/** Two sockets that are connected to each other. */
function pair(type: number = SOCK_STREAM) {
  const [one, other] = posix.socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0);
  return {
    one,
    other,
    [Symbol.dispose]() {
      for (const fd of [one, other]) posix.close(fd);
    },
  };
}

/** The descriptors that came with a message. */
const fdsOf = ({ control }: posix.ReceivedMessage) => control.flatMap(({ fds = [] }) => [...fds]);

// macOS has other structures, and Windows duphandle/win32.
describe.runIf(process.platform === "linux")("sendmsg() and recvmsg() (Linux)", () => {
  test("gather bytes from buffers and scatter them into others", () => {
    using between = pair();
    const parts = ["one ", "", "two ", "three"].map(bytes);
    expect(posix.sendmsg(between.one, { iov: parts }, 0)).toBe(13);
    const buffers = [3, 0, 6, 20].map((size) => new Uint8Array(size));
    const received = posix.recvmsg(between.other, { iov: buffers }, 0);
    expect(received).toEqual({ length: 13, name: undefined, control: [], flags: 0 });
    expect(buffers.map(text)).toEqual(["one", "", " two t", `hree${"\0".repeat(16)}`]);
  });

  test.each([["datagram", SOCK_DGRAM], ["packet", posix.SOCK_SEQPACKET]])(
    "a %s that is larger than the memory of other calls is sent as a whole",
    (_, type) => {
      using between = pair(type);
      const large = Uint8Array.from({ length: 150_000 }, (_, at) => at * 7);
      expect(
        posix.sendmsg(between.one, { iov: [large.subarray(0, 99_999), large.subarray(99_999)] }, 0),
      )
        .toBe(150_000);
      const halves = [new Uint8Array(100_000), new Uint8Array(60_000)];
      expect(posix.recvmsg(between.other, { iov: halves }, 0).length).toBe(150_000);
      expect(halves[0]).toEqual(large.subarray(0, 100_000));
      expect(halves[1]!.subarray(0, 50_000)).toEqual(large.subarray(100_000));
      const huge = thrownBy(() =>
        posix.sendmsg(between.one, { iov: Array<Uint8Array>(1000).fill(large) }, MSG_DONTWAIT)
      );
      expect(huge).toMatchObject({ code: "EMSGSIZE", syscall: "sendmsg" });
    },
  );

  test("on a stream one call sends a part of what is large", () => {
    using between = pair();
    const sent = posix.sendmsg(between.one, { iov: [new Uint8Array(200_000)] }, MSG_DONTWAIT);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(65_536);
    const received = posix.recvmsg(between.other, { iov: [new Uint8Array(200_000)] }, MSG_DONTWAIT);
    expect(received.length).toBe(sent);
  });

  test("descriptors arrive as new ones, which are inheritable without MSG_CMSG_CLOEXEC", () => {
    using between = pair();
    for (const flags of [0, MSG_CMSG_CLOEXEC]) {
      posix.sendmsg(between.one, {
        iov: [bytes("x")],
        control: [rights(between.one, between.other)],
      }, 0);
      const received = posix.recvmsg(between.other, { iov: [new Uint8Array(9)] }, flags);
      expect(received).toMatchObject({ length: 1, flags });
      const fds = fdsOf(received);
      expect(fds.map((fd) => isSameObject(borrow(fd), borrow(between.one)))).toEqual([true, false]);
      expect(fds.map(posix.fcntl_getfd)).toEqual(Array(2).fill(flags === 0 ? 0 : posix.FD_CLOEXEC));
      fds.forEach(posix.close);
    }
  });

  test("a peeked message stays, and each receipt of it has descriptors of its own", () => {
    using between = pair(SOCK_DGRAM);
    posix.sendmsg(between.one, { iov: [bytes("x")], control: [rights(between.one)] }, 0);
    const receive = (flags: number) =>
      posix.recvmsg(between.other, { iov: [new Uint8Array(9)] }, MSG_CMSG_CLOEXEC | flags);
    const fds = [MSG_PEEK, MSG_PEEK, 0].flatMap((flags) => fdsOf(receive(flags)));
    expect(new Set(fds).size).toBe(3);
    fds.forEach(posix.close);
    expect(thrownBy(() => receive(MSG_DONTWAIT))).toMatchObject({
      code: "EAGAIN",
      syscall: "recvmsg",
    });
  });

  test("what does not fit is told by the flags, and lost", () => {
    using between = pair(SOCK_DGRAM);
    const send = () =>
      posix.sendmsg(between.one, { iov: [bytes("12345")], control: [rights(0, 1, 2)] }, 0);
    send();
    const size = { iov: [new Uint8Array(2)] };
    const peeked = posix.recvmsg(between.other, { ...size, controllen: 0 }, MSG_PEEK | MSG_TRUNC);
    expect(peeked).toMatchObject({ length: 5, control: [] });
    // Room for the header of control data and one descriptor.
    const short = posix.recvmsg(between.other, { ...size, controllen: 20 }, MSG_CMSG_CLOEXEC);
    expect(short.flags & (MSG_TRUNC | MSG_CTRUNC)).toBe(MSG_TRUNC | MSG_CTRUNC);
    expect(short.length).toBe(2);
    expect(fdsOf(short).length).toBe(1);
    fdsOf(short).forEach(posix.close);
  });

  test("bytes that TCP discards leave the buffers as they were", () => {
    const tcp = () => posix.socket(posix.AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const [listener, client] = [tcp(), tcp()];
    posix.bind(listener, { family: "IPv4", address: "127.0.0.1", port: 0 });
    posix.listen(listener, 1);
    posix.connect(client, posix.getsockname(listener) as posix.KnownSocketName);
    const server = posix.accept4(listener, SOCK_CLOEXEC);
    posix.sendmsg(client, { iov: [bytes("discarded")] }, 0);
    const buffers = [bytes("one"), bytes(" and other")];
    expect(posix.recvmsg(server, { iov: buffers }, MSG_TRUNC).length).toBe(9);
    expect(buffers.map(text)).toEqual(["one", " and other"]);
    for (const fd of [listener, client, server]) posix.close(fd);
  });

  test("datagrams have addresses, of which the sender's is told", () => {
    const sockets = ["a", "b"].map((name) => {
      const fd = posix.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const path = `\0duphandle-test-${name}-${crypto.randomUUID()}`;
      posix.bind(fd, { family: "unix", path });
      return { fd, name: { family: "unix", path } as const };
    });
    const [one, other] = sockets as [typeof sockets[0], typeof sockets[0]];
    posix.sendmsg(one.fd, { name: other.name, iov: [bytes("x")] }, 0);
    expect(posix.recvmsg(other.fd, { iov: [new Uint8Array(9)] }, 0).name).toEqual(one.name);
    const udp = posix.socket(posix.AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    posix.bind(udp, { family: "IPv6", address: "::1", port: 0 });
    const own = posix.getsockname(udp);
    posix.sendmsg(udp, { name: own as posix.KnownSocketName, iov: [bytes("x")] }, 0);
    expect(posix.recvmsg(udp, { iov: [new Uint8Array(9)] }, 0).name).toEqual(own);
    for (const fd of [one.fd, other.fd, udp]) posix.close(fd);
  });

  test("other control data is bytes: who sends", () => {
    using between = pair(SOCK_DGRAM);
    posix.setsockopt(between.other, SOL_SOCKET, posix.SO_PASSCRED, 1);
    const own = Uint32Array.of(process.pid, process.getuid!(), process.getgid!());
    const credentials = {
      level: SOL_SOCKET,
      type: SCM_CREDENTIALS,
      data: new Uint8Array(own.buffer),
    };
    const control = [rights(0), credentials];
    posix.sendmsg(between.one, { iov: [bytes("x")], control }, 0);
    const received = posix.recvmsg(between.other, { iov: [new Uint8Array(9)] }, MSG_CMSG_CLOEXEC);
    fdsOf(received).forEach(posix.close);
    expect(received.control).toContainEqual(credentials);
    expect(fdsOf(received).length).toBe(1);
    const other = { ...credentials, data: new Uint8Array(Uint32Array.of(1, 1, 1).buffer) };
    if (process.getuid!() !== 0) {
      expect(thrownBy(() => posix.sendmsg(between.one, { iov: [bytes("x")], control: [other] }, 0)))
        .toMatchObject({ code: "EPERM" });
    }
  });

  test("errors name the call, and nothing stays open", () => {
    using between = pair();
    const send = (...fds: number[]) =>
      thrownBy(() =>
        posix.sendmsg(between.one, { iov: [bytes("x")], control: [rights(...fds)] }, 0)
      );
    expect(send(0x7fff_fff0)).toMatchObject({
      code: "EBADF",
      syscall: "sendmsg",
      handle: between.one,
    });
    expect(send(...Array<number>(254).fill(0))).toMatchObject({ code: "EINVAL" });
    const MSG_ZEROCOPY = 0x400_0000; // it would send what the next call puts into the memory
    expect(thrownBy(() => posix.sendmsg(between.one, { iov: [bytes("x")] }, MSG_ZEROCOPY)))
      .toMatchObject({ code: "ENOTSUP", syscall: "sendmsg" });
    posix.sendmsg(between.one, {
      iov: [bytes("x")],
      control: [rights(...Array<number>(253).fill(0))],
    }, 0);
    const received = posix.recvmsg(between.other, { iov: [new Uint8Array(9)] }, MSG_CMSG_CLOEXEC);
    expect(fdsOf(received).length).toBe(253);
    fdsOf(received).forEach(posix.close);
  });

  describe("refuse", () => {
    const x = [bytes("x")];
    const wrong: readonly [string, unknown][] = [
      ["nothing", undefined],
      ["bytes alone", bytes("x")],
      ["no buffers", {}],
      ["a buffer that is none", { iov: ["x"] }],
      ["too many buffers", { iov: Array<Uint8Array>(1025).fill(bytes("x")) }],
      ["−1 as a descriptor", { iov: x, control: [rights(0, -1)] }],
      ["a handle as a descriptor", { iov: x, control: [{ ...rights(), fds: [{ fd: 1 }] }] }],
      ["descriptors of another type", { iov: x, control: [{ level: 1, type: 2, fds: [0] }] }],
      ["descriptors and bytes", { iov: x, control: [{ ...rights(0), data: bytes("x") }] }],
      ["neither", { iov: x, control: [{ level: 1, type: 1 }] }],
      ["control data that is too large", {
        iov: x,
        control: [{ level: 1, type: 1, data: new Uint8Array(8192) }],
      }],
      ["control data without a level", { iov: x, control: [{ type: 1, fds: [0] }] }],
      ["an address that is none", { iov: x, name: { family: "IPv4" } }],
    ];
    test.each(wrong)("%s", (_, msg) => {
      using between = pair();
      expect(() => posix.sendmsg(between.one, msg as posix.MessageHeader, 0)).toThrow(TypeError);
      expect(posix.poll([{ fd: between.other, events: posix.POLLIN }], 0)).toBe(0);
    });

    test.each([-1, 8193, 1.5, "20"])("%s as controllen", (controllen) => {
      using between = pair();
      const msg = { iov: x, controllen } as posix.MessageBuffers;
      expect(() => posix.recvmsg(between.one, msg, MSG_DONTWAIT)).toThrow(TypeError);
    });
  });

  test("what getters and buffers do changes nothing of what is sent and received", () => {
    using between = pair();
    const intruder = new Intruder(() => {
      using inner = pair();
      posix.sendmsg(inner.one, { iov: [bytes("another message")], control: [rights(0)] }, 0);
      const { control } = posix.recvmsg(
        inner.other,
        { iov: [new Uint8Array(64)] },
        MSG_CMSG_CLOEXEC,
      );
      control.flatMap(({ fds = [] }) => [...fds]).forEach(posix.close);
    });
    /** Each property runs the intruder, once. */
    const hostile = <Value extends object>(value: Value): Value => {
      const lying = {};
      for (const [key, part] of Object.entries(value)) {
        Object.defineProperty(lying, key, {
          enumerable: true,
          get: () => (intruder.run(), part),
        });
      }
      return lying as Value;
    };
    for (const { name, view } of lyingBuffers(bytes("what it has"), new Intruder())) {
      const control = [hostile(rights(between.one))];
      posix.sendmsg(between.one, hostile({ iov: [bytes("<"), view, bytes(">")], control }), 0);
      const buffer = new Uint8Array(64);
      const received = posix.recvmsg(between.other, hostile({ iov: [buffer] }), MSG_CMSG_CLOEXEC);
      expect(text(buffer.subarray(0, received.length)), name).toBe("<what it has>");
      expect(fdsOf(received).map((fd) => isSameObject(borrow(fd), borrow(between.one)))).toEqual([
        true,
      ]);
      fdsOf(received).forEach(posix.close);
    }
    expect(intruder.runs).toBeGreaterThan(0);
  });
});
