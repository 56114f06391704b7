/** Streams of sockets, pipes and terminals: how they wait, flow and end. */
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import * as tty from "node:tty";
import { Readable, Writable } from "node:stream";
import { spawn } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import {
  connection,
  type Ends,
  endSending,
  nextTurn,
  pattern,
  pipe,
  readAll,
  resetAtClose,
  terminal,
  writeAll,
} from "../support/endpoints.ts";
import { runProgram } from "../support/program.ts";
import { isBun, isDeno, isWindows, temporaryFolder } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";

const MB = 1 << 20;
const hello = new TextEncoder().encode("hello");
const oneWay: Record<string, (direction: "reading" | "writing") => Ends> = {
  "a pipe": pipe,
  "a connection": () => connection("TCP4"),
  "the master of a terminal": terminal,
  "a terminal": () => terminal().reverse() as Ends,
};

const event = (stream: net.Socket | Readable | Writable, name: string): Promise<unknown> =>
  new Promise((resolve) => stream.once(name, resolve));

describe.skipIf(isWindows)("waiting", () => {
  for (const kind of ["pipe", "connection", "terminal"]) {
    for (const count of [4, 8]) {
      test(`for ${count} handles holds no thread, and process.exit() ends: ${kind}`, () => {
        const { code, result } = runProgram("socket/idle.ts", {
          args: [kind, String(count)],
          timeout: 120_000,
        });
        expect({ code, result }).toEqual({ code: 0, result: { files: 8, others: count } });
      });
    }
  }

  for (const [kind, make] of Object.entries(oneWay)) {
    test(`for a reader stops nothing: 16 MB to ${kind}`, async () => {
      const [near, far] = make("writing");
      const stream = near.toWritable();
      let isWritten = false;
      stream.write(new Uint8Array(16 * MB), () => isWritten = true);
      for (let turn = 0; turn < 20; turn++) await nextTurn();
      await new Promise((resolve) => setTimeout(resolve, 50)); // the event loop goes on
      expect(isWritten).toBe(false);
      stream.on("error", () => {});
      const closed = event(stream, "close");
      stream.destroy();
      await closed;
      far.close();
    });
  }
});

describe.skipIf(isWindows)("a stream is one of the runtime", () => {
  for (const [kind, make] of Object.entries(oneWay)) {
    test(`with its flow: ${kind} is not read further than needed`, async () => {
      const [near, far] = make("reading");
      const stream = near.toReadable();
      expect(stream).toBeInstanceOf(Readable);
      const bytes = pattern(1 << 16);
      let written = 0;
      posix.fcntl_setfl(far.raw, posix.fcntl_getfl(far.raw) | posix.O_NONBLOCK);
      for (let turn = 0; turn < 200; turn++) {
        try {
          written += posix.write(far.raw, bytes);
        } catch {
          await nextTurn();
        }
      }
      // A connection over the loopback keeps some megabytes by itself.
      expect(written).toBeLessThan(kind === "a connection" ? 12 * MB : 4 * MB);
      let read = 0;
      for await (const chunk of stream) {
        if ((read += (chunk as Uint8Array).length) >= written) break; // it destroys the stream
      }
      expect(read).toBe(written);
      expect(stream.destroyed).toBe(true);
      far.close();
    });
  }

  test("toReadable() ends when the writer has closed, and closes", async () => {
    const [near, far] = pipe("reading");
    const stream = near.toReadable();
    await writeAll(far, hello);
    far.close();
    const closed = event(stream, "close");
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    await closed;
    expect(Buffer.concat(chunks).toString()).toBe("hello");
  });

  test("toWritable() ends with what was written, and closes", async () => {
    const [near, far] = pipe("writing");
    const stream = near.toWritable();
    expect(stream).toBeInstanceOf(Writable);
    const closed = event(stream, "close");
    stream.end(pattern(MB));
    expect(await readAll(far, 2 * MB)).toHaveLength(MB);
    await closed;
    far.close();
  });

  test("toWritable() of a connection ends the sending for all who share it", async () => {
    const [near, far] = connection("TCP4");
    const duplicate = near.duplicate();
    const stream = near.toWritable();
    const closed = event(stream, "close");
    stream.end("hello");
    expect(await readAll(far, 100)).toHaveLength(5);
    await closed;
    await writeAll(far, hello); // the other direction is open
    expect(await readAll(duplicate, 5)).toHaveLength(5);
    duplicate.close();
    far.close();
  });

  test("toWritable() of a connection reads nothing: what comes is another owner's", async () => {
    const [near, far] = connection("Unix");
    const reader = near.duplicate().toReadable();
    const stream = near.toWritable();
    const closed = [event(reader, "close"), event(stream, "close")];
    stream.write("hello");
    expect(await readAll(far, 5)).toHaveLength(5);
    const sender = far.toWritable();
    closed.push(event(sender, "close"));
    sender.end(pattern(MB));
    let length = 0;
    for await (const chunk of reader) length += (chunk as Buffer).length;
    expect(length).toBe(MB);
    stream.destroy();
    await Promise.all(closed);
  });

  test("the end of toReadable() of a connection leaves the sending to others", async () => {
    const [near, far] = connection("TCP4");
    const duplicate = near.duplicate();
    const stream = near.toReadable();
    endSending(far);
    const closed = event(stream, "close");
    stream.resume();
    await closed;
    await writeAll(duplicate, hello);
    expect(await readAll(far, 5)).toHaveLength(5);
    duplicate.close();
    far.close();
  });

  test("toWritable() without a reader fails with EPIPE, and closes", async () => {
    const [near, far] = pipe("writing");
    far.close();
    const stream = near.toWritable();
    const closed = event(stream, "close");
    const failed = event(stream, "error");
    stream.write("hello");
    expect(await failed).toMatchObject({ code: "EPIPE" });
    await closed;
  });

  test("toWritable() that is destroyed tells a write that waits", async () => {
    const [near, far] = pipe("writing");
    const stream = near.toWritable().on("error", () => {});
    const written = new Promise((resolve) => stream.write(new Uint8Array(MB), resolve));
    await nextTurn();
    const closed = event(stream, "close");
    stream.destroy();
    const error = await written;
    // Node 20 does not say why.
    if (error !== null) expect(error).toMatchObject({ code: "ECANCELED" });
    await closed;
    far.close();
  });

  test.skipIf(isBun)("a terminal becomes a stream of node:tty", async () => {
    const [master, other] = terminal();
    const reader = other.duplicate().toReadable() as tty.ReadStream;
    expect(reader).toBeInstanceOf(tty.ReadStream);
    reader.setRawMode(true);
    expect(reader.isRaw).toBe(true);
    const streams: (Readable | Writable)[] = [reader];
    if (!isDeno) {
      const writer = other.duplicate().toWritable() as tty.WriteStream;
      expect(writer).toBeInstanceOf(tty.WriteStream);
      streams.push(writer);
    }
    for (const stream of streams) {
      const closed = event(stream, "close");
      stream.destroy();
      await closed;
    }
    master.close();
    other.close();
  });

  test("of the master of a terminal all is read that a program has printed before it ended", async () => {
    const [master, other] = terminal();
    const stream = master.toReadable().on("error", () => {}); // EIO
    const closed = event(stream, "close");
    let length = 0;
    stream.on("data", (bytes: Buffer) => length += bytes.length);
    const child = spawn("seq", ["1", "2000"], { stdio: ["ignore", other, "ignore"] });
    const exited = once(child, "exit");
    other.close();
    await exited;
    await closed;
    expect(length).toBe(8893);
  });

  test.runIf(isBun)("a terminal has its modes", async () => {
    const [master, other] = terminal();
    const reader = other.toReadable() as tty.ReadStream;
    expect(reader.isTTY).toBe(true);
    expect(reader.setRawMode(true).isRaw).toBe(true);
    const closed = event(reader, "close");
    reader.destroy();
    await closed;
    master.close();
  });

  test("others who share the open file of a terminal do not become non-blocking", async () => {
    const [master, other] = terminal();
    const shared = other.duplicate();
    const streams = [other.duplicate().toReadable(), other.toWritable()];
    expect(posix.fcntl_getfl(shared.raw) & posix.O_NONBLOCK).toBe(0);
    for (const stream of streams) {
      const closed = event(stream, "close");
      stream.destroy();
      await closed;
    }
    shared.close();
    master.close();
  });
});

describe.skipIf(isWindows)("toSocket()", () => {
  test("may be half open", async () => {
    const [near, far] = connection("TCP4");
    const socket = near.toSocket({ allowHalfOpen: true }).resume();
    const [ended, closed] = [event(socket, "end"), event(socket, "close")];
    endSending(far);
    await ended;
    socket.end("hello");
    expect(await readAll(far, 100)).toHaveLength(5);
    await closed;
    far.close();
  });

  test("ends with its peer otherwise", async () => {
    const [near, far] = connection("TCP4");
    const socket = near.toSocket().resume();
    const closed = event(socket, "close");
    endSending(far);
    expect(await readAll(far, 1)).toHaveLength(0);
    await closed;
    far.close();
  });

  test("reports a peer that resets the connection", async () => {
    const [near, far] = connection("TCP4");
    const socket = near.toSocket().resume();
    const [failed, closed] = [event(socket, "error"), event(socket, "close")];
    resetAtClose(far);
    far.close();
    expect(await failed).toMatchObject({ code: "ECONNRESET" });
    await closed;
  });

  test("has the addresses of the connection", async () => {
    const [near, far] = connection("TCP4");
    const socket = near.toSocket();
    expect(socket.remoteAddress).toBe("127.0.0.1");
    expect(socket).toBeInstanceOf(net.Socket);
    const closed = event(socket, "close");
    socket.destroy();
    await closed;
    far.close();
  });

  test("of a connection that was reset before is ENOTCONN, and leaves the handle open", () => {
    const [near, far] = connection("TCP4");
    resetAtClose(far);
    far.close();
    expect(() => near.toSocket()).toThrow(expect.objectContaining({ code: "ENOTCONN" }));
    near.close();
  });
});

describe.skipIf(isWindows || !canTrace)("every descriptor", () => {
  test("is closed, and once", () => {
    using folder = temporaryFolder();
    const log = path.join(folder.path, "log.txt");
    const { result } = runProgram("socket/adopted.ts", {
      prefix: strace(log, ["-e", "trace=close"]),
    });
    expect(result).toEqual([]);
    const failed = fs.readFileSync(log, "utf8").split("\n").filter((line) =>
      line.includes("EBADF")
    );
    expect(failed).toEqual([]);
  });
});
