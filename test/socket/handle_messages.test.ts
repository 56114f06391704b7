/** sendHandles and receiveHandles: with each other, and with programs that know nothing of this library. */
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import {
  borrow,
  isSameObject,
  listenOn,
  OwnedHandle,
  type ReceivedHandles,
  receiveHandles,
  sendHandles,
} from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { makeListener } from "../support/listeners.ts";
import { canChangeUser } from "../support/nobody.ts";
import { runProgram } from "../support/program.ts";
import { isWindows, openRaw, pipeRaw, temporaryFile, temporaryFolder } from "../support/system.ts";
import {
  compilePeer,
  hasCompiler,
  hasPython,
  socketTypeNames,
  startPeer,
  startPython,
  unixPair,
} from "../support/unix_pairs.ts";

const isLinux = process.platform === "linux";
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (received: ReceivedHandles | undefined) => new TextDecoder().decode(received?.data);
const own = () => ({ pid: process.pid, uid: process.getuid!(), gid: process.getgid!() });

/** Everything that comes until a count of bytes is there. */
async function receiveBytes(socket: OwnedHandle, count: number) {
  const all: number[] = [];
  const handles: OwnedHandle[] = [];
  while (all.length < count) {
    const next = await receiveHandles(socket);
    if (next === undefined) throw new Error(`it has ended after ${all.length} bytes`);
    for (const byte of next.data) all.push(byte);
    handles.push(...next.handles);
  }
  return { data: Uint8Array.from(all), handles };
}

describe.runIf(isLinux)("sendHandles and receiveHandles", () => {
  test.each(socketTypeNames)("a %s carries bytes, handles, and who sends them", async (type) => {
    using pair = unixPair(type);
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r+");
    const waiting = receiveHandles(pair.other);
    await Promise.all([
      sendHandles(pair.one, bytes("first"), [source, 1, { fd: 2 }, borrow(source.raw)]),
      sendHandles(pair.one, bytes("second")),
    ]);
    using received = await waiting;
    expect(text(received)).toBe("first");
    expect(received).toMatchObject(own());
    const { handles } = received!;
    expect(handles.map((handle) => isSameObject(handle, source))).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(handles.map(({ inheritable }) => inheritable)).toEqual(Array(4).fill(false));
    posix.read(handles[0]!.raw, new Uint8Array(2));
    expect(posix.lseek(source.raw, 0, posix.SEEK_CUR)).toBe(2);
    const second = await receiveHandles(pair.other);
    expect([text(second), second?.handles]).toEqual(["second", []]);
    expect(source.closed).toBe(false);
  });

  test.each(["stream", "packet"] as const)(
    "the end of a %s is undefined, again and again",
    async (type) => {
      using pair = unixPair(type);
      await sendHandles(pair.one, bytes("last"), [0]);
      pair.one.close();
      using received = await receiveHandles(pair.other);
      expect(text(received)).toBe("last");
      expect(await receiveHandles(pair.other)).toBeUndefined();
      expect(await receiveHandles(pair.other)).toBeUndefined();
      await expect(sendHandles(pair.other, bytes("x"), [0])).rejects.toMatchObject({
        code: "EPIPE",
      });
    },
  );

  test("a datagram may have no bytes", async () => {
    using pair = unixPair("datagram");
    await sendHandles(pair.one, new Uint8Array(0), [0, 1]);
    using received = await receiveHandles(pair.other);
    expect([received!.data.length, received!.handles.length]).toEqual([0, 2]);
  });

  test("who waits gets what comes later, in the order of the calls, and the event loop goes on", async () => {
    using pair = unixPair();
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const waiting = Promise.all([1, 2, 3].map(() => receiveHandles(pair.other)));
    while (turns < 20) await new Promise((resolve) => setTimeout(resolve, 1));
    clearInterval(ticking);
    const texts: string[] = [];
    for (const name of ["one", "two", "three"]) {
      await sendHandles(pair.one, bytes(name), [0]);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const each of await waiting) {
      texts.push(text(each));
      each![Symbol.dispose]();
    }
    expect(texts).toEqual(["one", "two", "three"]);
  });

  test.each(socketTypeNames)("what a %s has no room for is sent later, in order", async (type) => {
    using pair = unixPair(type);
    using file = temporaryFile("abc");
    const size = type === "stream" ? 300_000 : 30_000;
    const messages = Array.from({ length: 20 }, (_, at) => new Uint8Array(size).fill(at));
    const sending = messages.map((data) => {
      const source = openRaw(file.path, "r");
      const sent = sendHandles(pair.one, data, [source]);
      source.close(); // the message has a duplicate by now
      data.fill(255); // and a copy
      return sent;
    });
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    while (turns < 20) await new Promise((resolve) => setTimeout(resolve, 1));
    clearInterval(ticking);
    if (type === "stream") {
      const { data, handles } = await receiveBytes(pair.other, 20 * size);
      expect(data.every((byte, at) => byte === Math.floor(at / size))).toBe(true);
      expect(handles.length).toBe(20);
      for (const handle of handles) handle.close();
    } else {
      for (let at = 0; at < 20; at++) {
        using received = await receiveHandles(pair.other);
        expect([received!.data.length, received!.data[0], received!.data.at(-1)]).toEqual([
          size,
          at,
          at,
        ]);
        expect(received!.handles.length).toBe(1);
      }
    }
    await Promise.all(sending);
  });

  test("a large message goes on as soon as its receiver does", async () => {
    using pair = unixPair();
    const size = 1 << 24;
    const sending = sendHandles(pair.one, new Uint8Array(size));
    const chunk = new Uint8Array(65_536);
    let [left, turns] = [size, 0];
    for (; left > 0; turns++) {
      // All that is there, in each turn of the event loop: the sender must not wait for many.
      while (posix.poll([{ fd: pair.other.raw, events: posix.POLLIN }], 0) > 0) {
        left -= posix.recvmsg(pair.other.raw, { iov: [chunk] }, posix.MSG_DONTWAIT).length;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await sending;
    expect(turns).toBeLessThan(1000);
  });

  test("253 handles are a message, and more are a TypeError", async () => {
    using pair = unixPair();
    const many = (count: number) => Array<number>(count).fill(0);
    await expect(sendHandles(pair.one, bytes("x"), many(254))).rejects.toThrow("at most 253");
    await sendHandles(pair.one, bytes("x"), many(253));
    using received = await receiveHandles(pair.other);
    expect(received!.handles.length).toBe(253);
  });

  test.each(["datagram", "packet"] as const)("a %s that is too large stays", async (type) => {
    using pair = unixPair(type);
    await sendHandles(pair.one, new Uint8Array(100_000).fill(7), [0]);
    for (let count = 0; count < 2; count++) {
      await expect(receiveHandles(pair.other)).rejects.toMatchObject({
        code: "EMSGSIZE",
        message: expect.stringContaining("100000 bytes") as string,
      });
    }
    using received = await receiveHandles(pair.other, { maxBytes: 100_000 });
    expect([received!.data.length, received!.handles.length]).toEqual([100_000, 1]);
  });

  test("on a stream maxBytes is how much comes at once", async () => {
    using pair = unixPair();
    await sendHandles(pair.one, bytes("abcdef"), [0]);
    using received = await receiveHandles(pair.other, { maxBytes: 4 });
    expect([text(received), received!.handles.length]).toEqual(["abcd", 1]);
    expect(text(await receiveHandles(pair.other))).toBe("ef");
  });

  test("a signal ends a wait at once, also behind another one, and nothing is lost", async () => {
    using pair = unixPair();
    const [first, second] = [new AbortController(), new AbortController()];
    const outcomes = [first, second].map(({ signal }) =>
      receiveHandles(pair.other, { signal }).catch((error) => error)
    );
    second.abort("second");
    expect(await outcomes[1]).toBe("second");
    first.abort("first");
    expect(await outcomes[0]).toBe("first");
    await sendHandles(pair.one, bytes("kept"), [0]);
    await expect(receiveHandles(pair.other, { signal: AbortSignal.abort("before") })).rejects.toBe(
      "before",
    );
    using received = await receiveHandles(pair.other);
    expect(text(received)).toBe("kept");
    const full = new AbortController();
    const sending: Promise<unknown>[] = [];
    for (let count = 0; count < 20; count++) {
      const sent = sendHandles(pair.one, new Uint8Array(100_000), [0], full);
      sending.push(sent.catch((error) => error));
    }
    full.abort("full");
    expect(await sending.at(-1)).toBe("full");
    await Promise.all(sending);
  });

  test("a socket that is closed while something waits for it is EBADF, and leaves nothing", async () => {
    using pair = unixPair();
    const waiting = receiveHandles(pair.other);
    pair.other.close();
    await expect(waiting).rejects.toMatchObject({ code: "EBADF" });
    // The message waited for nobody: its peer is closed now.
    await expect(sendHandles(pair.one, bytes("x"), [0])).rejects.toMatchObject({ code: "EPIPE" });
  });

  test("without descriptors for all of them, those that came are closed, and the next message comes", () => {
    const { result } = runProgram("socket/few_descriptors.ts");
    expect(result).toMatchObject({ code: "EMFILE", left: [], next: "next", handles: 1 });
  });

  test("a datagram at a path tells who has sent it, whoever that is", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "socket");
    using receiver = OwnedHandle.fromRaw(
      posix.socket(posix.AF_UNIX, posix.SOCK_DGRAM | posix.SOCK_CLOEXEC, 0),
    );
    posix.bind(receiver.raw, { family: "unix", path: at });
    const waiting = receiveHandles(receiver);
    using sender = OwnedHandle.fromRaw(
      posix.socket(posix.AF_UNIX, posix.SOCK_DGRAM | posix.SOCK_CLOEXEC, 0),
    );
    posix.connect(sender.raw, { family: "unix", path: at });
    await sendHandles(sender, bytes("READY=1"), [0]);
    using received = await waiting;
    expect(text(received)).toBe("READY=1");
    expect(received).toMatchObject(own());
  });

  test.runIf(canChangeUser).each(["stream", "packet"] as const)(
    "the peer of a %s is who has made it, whatever a message says (needs root)",
    async (type) => {
      using pair = unixPair(type);
      posix.setsockopt(pair.other.raw, posix.SOL_SOCKET, posix.SO_PASSCRED, 1);
      posix.sendmsg(pair.one.raw, {
        iov: [bytes("x")],
        control: [{
          level: posix.SOL_SOCKET,
          type: posix.SCM_CREDENTIALS,
          data: new Uint8Array(Uint32Array.of(process.pid, 1, 1).buffer),
        }],
      }, 0);
      using received = await receiveHandles(pair.other);
      expect(received).toMatchObject(own());
    },
  );

  describe.runIf(hasPython)("with Python (without python3: skipped)", () => {
    test.each(["stream", "packet"] as const)(
      "a %s of send_fds() is received, with the sender",
      async (type) => {
        using folder = temporaryFolder();
        using pair = unixPair(type);
        const files = ["a", "b", "c"].map((name) => path.join(folder.path, name));
        for (const file of files) fs.writeFileSync(file, "");
        const { ended } = startPython(["send", ...files], pair.other);
        for (const file of files) {
          using received = await receiveHandles(pair.one);
          expect(text(received)).toBe(file);
          expect(received!.handles.length).toBe(2);
          expect(isSameObject(received!.handles[0]!, received!.handles[1]!)).toBe(true);
          posix.write(received!.handles[0]!.raw, bytes("from us"));
          expect(fs.readFileSync(file, "utf8")).toBe("from us");
          expect(received!.pid).toBe(process.pid); // who has made the pair
        }
        expect(await receiveHandles(pair.one)).toBeUndefined();
        await ended;
      },
    );

    test.each(socketTypeNames)("recv_fds() receives a %s of ours", async (type) => {
      using folder = temporaryFolder();
      using pair = unixPair(type);
      const file = path.join(folder.path, "file");
      fs.writeFileSync(file, "");
      const { ended } = startPython(["receive", "2"], pair.other);
      using source = openRaw(file, "r+");
      await sendHandles(pair.one, bytes("one"), [source]);
      // A stream has no messages: the second one is not joined with the first, whose descriptors end it.
      await sendHandles(pair.one, bytes("two"), [source, source]);
      await ended;
      const lines = fs.readFileSync(file, "utf8").trimEnd().split("\n");
      expect(lines).toEqual(
        ["one of 1", "two of 2", "two of 2"].map((line) =>
          expect.stringMatching(`^${line}, flags \\d+$`) as string
        ),
      );
    });

    test("the sender of a datagram is the process that has sent it", async () => {
      using folder = temporaryFolder();
      using pair = unixPair();
      const at = path.join(folder.path, "socket");
      using receiver = OwnedHandle.fromRaw(
        posix.socket(posix.AF_UNIX, posix.SOCK_DGRAM | posix.SOCK_CLOEXEC, 0),
      );
      posix.bind(receiver.raw, { family: "unix", path: at });
      const waiting = receiveHandles(receiver);
      const { ended } = startPython(["send-to", at, "FDSTORE=1"], pair.other);
      using received = await waiting;
      expect(text(received)).toBe("FDSTORE=1");
      expect(await ended).toBe(`done ${received!.pid}\n`);
      expect(received!.pid).not.toBe(process.pid);
    });

    test("what a program has sent before it was killed is received", async () => {
      using folder = temporaryFolder();
      using pair = unixPair();
      const file = path.join(folder.path, "file");
      fs.writeFileSync(file, "");
      const { child, ended } = startPython(["send", file, file, file], pair.other);
      using first = await receiveHandles(pair.one);
      expect(first!.handles.length).toBe(2);
      child.kill("SIGKILL");
      await ended.catch(() => {});
      for (let next; (next = await receiveHandles(pair.one)) !== undefined;) {
        expect(next.handles.length).toBe(2);
        next[Symbol.dispose]();
      }
    });
  });

  test.runIf(hasCompiler).each(socketTypeNames)(
    "a program in C sends back what it gets by a %s (without cc: skipped)",
    async (type) => {
      using folder = temporaryFolder();
      using pair = unixPair(type);
      using file = temporaryFile("abc");
      using source = openRaw(file.path, "r");
      const { child, ended } = startPeer(compilePeer(folder.path), [], pair.other);
      try {
        for (const count of [0, 1, 100, 253]) {
          await sendHandles(
            pair.one,
            bytes(`message ${count}`),
            Array<OwnedHandle>(count).fill(source),
          );
          using received = await receiveHandles(pair.one);
          expect(text(received)).toBe(`message ${count}`);
          expect(received!.handles.length).toBe(count);
          expect(received!.handles.every((handle) => isSameObject(handle, source))).toBe(true);
        }
      } finally {
        if (type === "datagram") child.kill(); // which has no end
        else pair.one.close();
      }
      await ended.catch((error) => {
        if (type !== "datagram") throw error;
      });
    },
  );

  describe("refuse", () => {
    const never: readonly [string, () => OwnedHandle][] = [
      ["a pipe", () => {
        const { reader, writer } = pipeRaw();
        writer.close();
        return reader;
      }],
      ["a socket of TCP", () => makeListener("TCP4").handle],
      ["a file", () => openRaw("/dev/null", "r+")],
    ];
    test.each(never)("%s, with what to use", async (_, make) => {
      using handle = make();
      const expected = {
        code: "ENOTSUP",
        message: expect.stringContaining("Unix socket") as string,
      };
      await expect(sendHandles(handle, bytes("x"), [0])).rejects.toMatchObject(expected);
      await expect(receiveHandles(handle)).rejects.toMatchObject(expected);
    });

    test("a socket that is closed, not connected, or the runtime's", async () => {
      using pair = unixPair();
      await expect(sendHandles(0x7fff_fff0, bytes("x"))).rejects.toMatchObject({ code: "EBADF" });
      await expect(receiveHandles(0x7fff_fff0)).rejects.toMatchObject({ code: "EBADF" });
      await expect(sendHandles(pair.one, bytes("x"), [0, 0x7fff_fff0])).rejects.toMatchObject({
        code: "EBADF",
        handle: 0x7fff_fff0,
      });
      using alone = OwnedHandle.fromRaw(
        posix.socket(posix.AF_UNIX, posix.SOCK_STREAM | posix.SOCK_CLOEXEC, 0),
      );
      using listener = listenOn({ path: `\0duphandle-${crypto.randomUUID()}` });
      for (const each of [alone, listener]) {
        const expected = { code: "ENOTCONN" };
        await expect(sendHandles(each, bytes("x"))).rejects.toMatchObject(expected);
        await expect(receiveHandles(each)).rejects.toMatchObject(expected);
      }
      const server = net.createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const expected = {
        code: "ENOTSUP",
        message: expect.stringContaining("closeSource") as string,
      };
      await expect(receiveHandles(server)).rejects.toMatchObject(expected);
      await expect(sendHandles(server, bytes("x"))).rejects.toMatchObject(expected);
      await new Promise((resolve) => server.close(resolve));
      expect(posix.poll([{ fd: pair.other.raw, events: posix.POLLIN }], 0)).toBe(0);
    });

    const wrong: readonly [string, readonly unknown[]][] = [
      ["text", ["text"]],
      ["no bytes", [new Uint8Array(0)]],
      ["a handle instead of handles", [bytes("x"), 0]],
      ["−1 as a handle", [bytes("x"), [-1]]],
      ["an unknown option", [bytes("x"), [], { timeout: 1 }]],
      ["a signal that is none", [bytes("x"), [], { signal: {} }]],
    ];
    test.each(wrong)("%s, and nothing is sent", async (_, values) => {
      using pair = unixPair();
      const send = sendHandles as (...values: unknown[]) => Promise<void>;
      await expect(send(pair.one, ...values)).rejects.toThrow(TypeError);
      expect(posix.poll([{ fd: pair.other.raw, events: posix.POLLIN }], 0)).toBe(0);
    });

    test.each([0, -1, 1.5, "1", 2 ** 24 + 1])("%s as maxBytes", async (maxBytes) => {
      using pair = unixPair();
      const options = { maxBytes } as { maxBytes: number };
      await expect(receiveHandles(pair.one, options)).rejects.toThrow(TypeError);
    });
  });
});

test.runIf(isWindows)(
  "sendHandles and receiveHandles are ENOTSUP on Windows, with what to use",
  async () => {
    const expected = {
      code: "ENOTSUP",
      message: expect.stringContaining("HandleChannel") as string,
    };
    await expect(sendHandles(1, bytes("x"))).rejects.toMatchObject(expected);
    await expect(receiveHandles(1)).rejects.toMatchObject(expected);
  },
);
