/** Each kind of handle and each method that makes something of it. */
import * as fs from "node:fs";
import * as os from "node:os";
import type { Readable, Writable } from "node:stream";
import { OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { listenLocally } from "../../ffi/posix/bind.ts";
import {
  connection,
  type Ends,
  netlink,
  pattern,
  pipe,
  readAll,
  terminal,
  udp,
  unconnected,
  writeAll,
} from "../support/endpoints.ts";
import { eventfd } from "../support/linux_objects.ts";
import { isWindows, openRaw, refersTo } from "../support/system.ts";

const methods = [
  "toSocket",
  "toServer",
  "toReadable",
  "toWritable",
  "toDatagram",
  "toFd",
  "toFileHandle",
] as const;
type Method = typeof methods[number];

/** What is made, what serves it, and what the others say instead. */
interface Row {
  readonly make: () => readonly OwnedHandle[];
  readonly serve: readonly Method[];
  readonly says: RegExp;
  /** The codes of refusals other than `ENOTSUP`. */
  readonly codes?: Partial<Record<Method, string>>;
}

const stream: readonly Method[] = ["toSocket", "toReadable", "toWritable"];
const file: readonly Method[] = ["toFd", "toFileHandle"];
const listener = (family: "IPv4" | "IPv6" | "unix", path?: string): Row => ({
  make: () => [OwnedHandle.fromRaw(listenLocally(family, path))],
  serve: ["toServer"],
  says: /is a listening socket.*use toServer\(\) or serveOn\(\)/,
});
const connected = (kind: Parameters<typeof connection>[0]): Row => ({
  make: () => connection(kind),
  serve: stream,
  says: /is a connected socket.*use toSocket\(\)/,
});
const waiting = (kind: Parameters<typeof connection>[0]): Row => ({
  make: () => [unconnected(kind)],
  serve: [],
  says: /is not connected and does not listen.*connect it first/,
  codes: { toSocket: "ENOTCONN", toReadable: "ENOTCONN", toWritable: "ENOTCONN" },
});
const datagram = (family: "UDP4" | "UDP6"): Row => ({
  make: () => [udp(family).handle],
  serve: ["toDatagram"],
  says: /is a UDP socket.*use toDatagram\(\)/,
});
const other = (type: number): Row => ({
  make: () =>
    posix.socketpair(posix.AF_UNIX, type | posix.SOCK_CLOEXEC, 0)
      .map((fd) => OwnedHandle.fromRaw(fd)),
  serve: [],
  says:
    /of a type that no runtime has.*read|which no node:dgram has.*read\(\) and write\(\) of duphandle\/posix/,
});
const SOCK_SEQPACKET = 5;
const anyFile = (make: () => OwnedHandle): Row => ({
  make: () => [make()],
  serve: file,
  says: /is neither a socket nor a pipe nor a terminal; use toFileHandle\(\)/,
});

const rows: Record<string, Row> = {
  "a listener of TCP4": listener("IPv4"),
  "a listener of TCP6": listener("IPv6"),
  "an abstract listener": listener("unix", "\0duphandle-test-table"),
  "a connection of TCP4": connected("TCP4"),
  "a connection of TCP6": connected("TCP6"),
  "a connection of Unix sockets": connected("Unix"),
  "a connection to an abstract socket": connected("abstract"),
  "an unconnected socket of TCP4": waiting("TCP4"),
  "an unconnected Unix socket": waiting("Unix"),
  "a socket of UDP4": datagram("UDP4"),
  "a socket of UDP6": datagram("UDP6"),
  "a Unix datagram socket": other(posix.SOCK_DGRAM),
  "a Unix socket of packets": other(SOCK_SEQPACKET),
  "a netlink socket": { ...other(SOCK_SEQPACKET), make: () => [netlink()] },
  "the reading end of a pipe": {
    make: () => pipe("reading"),
    serve: ["toReadable"],
    says: /is a pipe.*use toReadable\(\)/,
    codes: { toWritable: "EACCES" },
  },
  "the writing end of a pipe": {
    make: () => pipe("writing"),
    serve: ["toWritable"],
    says: /is a pipe.*use toWritable\(\)/,
    codes: { toReadable: "EACCES" },
  },
  "the master of a terminal": {
    make: terminal,
    serve: ["toReadable", "toWritable"],
    says: /is a terminal.*use toReadable\(\) or toWritable\(\)/,
  },
  "a terminal": {
    make: () => terminal().reverse() as Ends,
    serve: ["toReadable", "toWritable"],
    says: /is a terminal.*use toReadable\(\) or toWritable\(\)/,
  },
  "a file": anyFile(() => openRaw(process.execPath, "r")),
  "a folder": anyFile(() => openRaw(os.tmpdir(), "r")),
  "a device": anyFile(() => openRaw("/dev/null", "r+")),
  "a counter": anyFile(eventfd),
};

const errorOf = (call: () => Promise<void>): Promise<unknown> => call().catch((error) => error);

describe.skipIf(isWindows)("a method that is not for the kind names the right one", () => {
  for (const [kind, { make, serve, says, codes = {} }] of Object.entries(rows)) {
    for (const method of methods) {
      if (serve.includes(method)) continue;
      test(`${method}() of ${kind}`, async () => {
        const handles = make();
        const [handle] = handles as [OwnedHandle];
        const duplicate = handle.duplicate();
        try {
          const error = await errorOf(async () => void await handle[method]());
          const isFile = file.includes(method);
          expect(error).toMatchObject({
            name: "HandleError",
            code: codes[method] ?? "ENOTSUP",
            handle: handle.raw,
            message: expect.stringMatching(says),
          });
          if (isFile) expect((error as Error).message).toContain(`${method}({ mayBlock: true })`);
          expect(handle.closed).toBe(false);
          expect(refersTo(handle.raw, duplicate)).toBe(true);
        } finally {
          for (const each of [...handles, duplicate]) each.close();
        }
      });
    }
  }
});

const MB = 1 << 20;

/** Reads so many bytes of a stream. */
async function read(stream: Readable, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  await new Promise<void>((resolve, reject) => {
    stream.on("data", (chunk: Uint8Array) => {
      bytes.set(chunk, done);
      done += chunk.length;
      if (done === length) resolve();
    });
    stream.once("error", reject);
    stream.once("end", resolve);
  });
  return bytes.subarray(0, done);
}

const write = (stream: Writable, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) =>
    stream.write(bytes, (error) => error ? reject(error) : resolve())
  );

const same = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

/** Destroys a stream; resolves when it has said that it is closed. */
const closed = (stream: Readable | Writable): Promise<void> =>
  new Promise((resolve) => stream.once("close", resolve).destroy());

describe.skipIf(isWindows)("1 MB arrives as it was sent", () => {
  const bytes = pattern(MB);
  const kinds: Record<string, () => Ends> = {
    "TCP4": () => connection("TCP4"),
    "TCP6": () => connection("TCP6"),
    "Unix": () => connection("Unix"),
    "abstract": () => connection("abstract"),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    test(`both ways through toSocket() of a connection: ${kind}`, async () => {
      const [near, far] = make();
      const socket = near.toSocket();
      const [sent, received] = await Promise.all([
        readAll(far, MB),
        read(socket, MB),
        write(socket, bytes),
        writeAll(far, bytes),
      ]);
      expect(same(sent, bytes)).toBe(true);
      expect(same(received, bytes)).toBe(true);
      await closed(socket);
      expect(await readAll(far, 1)).toHaveLength(0);
      far.close();
    });
  }
  const oneWay: Record<string, (direction: "reading" | "writing") => Ends> = {
    ...kinds,
    "a pipe": pipe,
    "the master of a terminal": terminal,
    "a terminal": () => terminal().reverse() as Ends,
  };
  for (const [kind, make] of Object.entries(oneWay)) {
    test(`into toReadable(): ${kind}`, async () => {
      const [near, far] = make("reading");
      const stream = near.toReadable();
      const [received] = await Promise.all([read(stream, MB), writeAll(far, bytes)]);
      expect(same(received, bytes)).toBe(true);
      await closed(stream);
      far.close();
    });
    test(`out of toWritable(): ${kind}`, async () => {
      const [near, far] = make("writing");
      const stream = near.toWritable();
      const [sent] = await Promise.all([readAll(far, MB), write(stream, bytes)]);
      expect(same(sent, bytes)).toBe(true);
      await new Promise((resolve) => stream.once("close", resolve).end());
      if (!kind.includes("terminal")) expect(await readAll(far, 1)).toHaveLength(0);
      far.close();
    });
  }
});

describe.skipIf(isWindows)("the option mayBlock", () => {
  test("makes a pipe a file of the runtime, for code that may wait", async () => {
    const [reader, writer] = pipe("reading");
    const fd = writer.toFd({ mayBlock: true });
    fs.writeSync(fd, "hello");
    const file = await reader.toFileHandle({ mayBlock: true });
    const { bytesRead } = await file.read(new Uint8Array(10));
    expect(bytesRead).toBe(5);
    fs.closeSync(fd);
    await file.close();
  });

  test("must be a boolean", async () => {
    const [reader, writer] = pipe("reading");
    expect(() => reader.toFd({ mayBlock: 1 as unknown as boolean })).toThrow(TypeError);
    await expect(reader.toFileHandle({ wait: true } as object)).rejects.toThrow(TypeError);
    expect(reader.closed).toBe(false);
    for (const each of [reader, writer]) each.close();
  });
});
