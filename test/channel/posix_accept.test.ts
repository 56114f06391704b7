/** A server on Linux whose clients are silent, lie, or come while it has no descriptors. */
import * as fs from "node:fs";
import { HandleChannel } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { receiveRights, sendBytes, sendRights } from "../../ffi/posix/rights.ts";
import { connectIfNotFull, connectTo } from "../../ffi/posix/unix_socket.ts";
import { FrameReader } from "../../src/channel/frame_reader.ts";
import { Kind, readInt32s } from "../../src/channel/frames.ts";
import { createToken, Role, writePreamble } from "../../src/channel/posix_preamble.ts";
import { next, place, turns } from "../support/channel_ends.ts";
import {
  heard,
  isHungUp,
  RawClient,
  ring,
  ServerProcess,
  until,
} from "../support/posix_clients.ts";
import { hasCommand } from "../support/program.ts";
import { temporaryFile } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";

const { AF_UNIX, close, SOCK_CLOEXEC, SOCK_STREAM } = posix;

async function visit(at: string): Promise<unknown> {
  await using channel = await HandleChannel.connect(at);
  return (await next(channel)).message;
}

/** A server that greets whoever comes, and its channels. */
async function greeter(at: string, options: Parameters<typeof HandleChannel.listen>[2] = {}) {
  const channels: HandleChannel[] = [];
  const server = await HandleChannel.listen(at, (channel) => {
    channels.push(channel);
    void channel.send("hello").catch(() => {});
  }, options);
  return {
    channels,
    async [Symbol.asyncDispose]() {
      await server.close();
      await Promise.all(channels.map((channel) => channel.close()));
    },
  };
}

/** The version in a hello, which are the first bytes that a socket gets. */
async function versionHeard(socket: number): Promise<number | undefined> {
  const bytes = await heard(socket);
  if (bytes === "end") return undefined;
  const [hello] = new FrameReader(100).push(bytes);
  expect(hello!.kind).toBe(Kind.Hello);
  return readInt32s(hello!.body)[1];
}

const descriptors = () => fs.readdirSync("/proc/self/fd").length;

describe.runIf(process.platform === "linux")("a server (Linux)", () => {
  test.runIf(hasCommand("prlimit")).each([0, 1, 2])(
    "serves those who came while it had %d descriptors left (needs prlimit)",
    async (left) => {
      using where = place();
      await using server = new ServerProcess(where.path, ["prlimit", "--nofile=256:256", "--"]);
      await server.says("listens");
      server.tell(`fill ${left}`);
      await server.says("full");
      const visits = Array.from({ length: 10 }, () => visit(where.path));
      // Without any, a runtime may not even hear that somebody has come.
      if (left > 0) await server.says("error EMFILE");
      else await new Promise((resolve) => setTimeout(resolve, 300));
      server.tell("free");
      expect(await Promise.all(visits)).toEqual(Array(10).fill("hello"));
    },
  );

  test.runIf(canTrace)("goes on when the system has no files left (needs strace)", async () => {
    using where = place();
    const fault = ["-e", "trace=accept4", "-e", "inject=accept4:error=ENFILE:when=2..9"];
    await using server = new ServerProcess(where.path, strace("/dev/null", fault));
    await server.says("listens");
    const visits = Array.from({ length: 10 }, () => visit(where.path));
    expect(await Promise.all(visits)).toEqual(Array(10).fill("hello"));
  });

  test("keeps few who say nothing, and not for long", async () => {
    using where = place();
    const limits = { maxPendingClients: 16, handshakeTimeout: 2000 };
    await using _ = await greeter(where.path, limits);
    const before = descriptors();
    const silent: number[] = [];
    while (silent.length < 300) {
      const client = connectIfNotFull(where.path);
      if (client !== undefined) silent.push(client);
      if (client === undefined || silent.length % 100 === 0) ring(where.path);
      if (client === undefined) await turns(1);
    }
    await until(() => silent.filter((each) => !isHungUp(each)).length <= 16);
    expect(descriptors() - before - silent.length).toBeLessThanOrEqual(16);
    // One was told why, before it was dropped.
    const [busy] = new FrameReader(100).push(await heard(silent[0]!) as Uint8Array);
    expect(busy!.kind).toBe(Kind.Busy);
    expect(await visit(where.path)).toBe("hello");
    await until(() => silent.every(isHungUp));
    silent.forEach(close);
  });

  test("serves all of many who come at once, however few may wait", async () => {
    using where = place();
    await using _ = await greeter(where.path, { maxPendingClients: 2 });
    const visits = Array.from({ length: 60 }, () => visit(where.path));
    expect(await Promise.all(visits)).toEqual(Array(60).fill("hello"));
  });

  test("knows the pid of a client that says another one", async () => {
    using where = place();
    await using greeting = await greeter(where.path);
    using _ = new RawClient(where.path).introduce(where.path, 1);
    const channel = await until(() => greeting.channels[0]);
    expect(channel.pid).toBe(process.pid);
  });

  test("takes what a client says piece by piece", async () => {
    using where = place();
    await using greeting = await greeter(where.path);
    using client = new RawClient(where.path);
    const token = createToken();
    sendBytes(client.handles, writePreamble(Role.Handles, token));
    for (const byte of writePreamble(Role.Stream, token)) {
      sendBytes(client.stream, new Uint8Array([byte]));
      ring(where.path);
      await turns(3);
    }
    using other = new RawClient(where.path).introduce(where.path);
    await until(() => greeting.channels[0]);
    expect(greeting.channels.length, "it has not said hello").toBe(1);
    expect(isHungUp(client.stream) || isHungUp(other.stream)).toBe(false);
  });

  test("tells a client of version 1 which version it has, and blocks on nothing", async () => {
    using where = place();
    await using _ = await greeter(where.path);
    const client = connectTo(where.path);
    // Version 1 sends an end of a pair; it may leave its own flags blocking, and fill the pair before.
    const [near, far] = posix.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const full = posix.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (sendBytes(full[1], new Uint8Array(32)));
    const blocked = connectTo(where.path);
    sendRights(blocked, [full[1]]);
    sendRights(client, [far]);
    close(far);
    ring(where.path);
    expect(await versionHeard(near)).toBe(2);
    expect(await heard(near), "nothing more comes").toBe("end");
    expect(await heard(client)).toBe("end");
    for (const each of [client, near, blocked, ...full]) close(each);
  });

  test("tells a client of a later version which version it has", async () => {
    using where = place();
    await using _ = await greeter(where.path);
    const client = connectTo(where.path);
    const preamble = writePreamble(Role.Stream, createToken());
    preamble[4] = 3;
    sendBytes(client, preamble);
    ring(where.path);
    expect(await versionHeard(client)).toBe(2);
    expect(await heard(client)).toBe("end");
    close(client);
  });

  test("keeps no handles that come with the first bytes", async () => {
    using where = place();
    using file = temporaryFile("abc");
    await using greeting = await greeter(where.path);
    const fd = posix.open(file.path, posix.O_CLOEXEC);
    for (const [size, count] of [[28, 1], [28, 253], [5, 1], [1, 253]] as const) {
      using client = new RawClient(where.path);
      const first = writePreamble(Role.Stream, createToken()).subarray(0, size);
      for (const socket of [client.stream, client.handles]) {
        sendRights(socket, Array<number>(count).fill(fd), 0, count, first);
      }
      ring(where.path);
      expect(await heard(client.stream)).toBe("end");
      expect(await heard(client.handles)).toBe("end");
    }
    close(fd);
    expect(await visit(where.path)).toBe("hello");
    expect(greeting.channels.length).toBe(1);
  });

  test("has open files of its own: a client cannot make it wait", async () => {
    using where = place();
    await using server = new ServerProcess(where.path);
    await server.says("listens");
    using client = new RawClient(where.path);
    // Were they the server's as well, its next write to a client that does not read would never end.
    for (const socket of [client.stream, client.handles]) posix.fcntl_setfl(socket, posix.O_RDWR);
    client.introduce(where.path);
    server.tell("flood");
    await server.says("floods");
    expect(await visit(where.path)).toBe("hello");
    expect(receiveRights(client.stream)).toMatchObject({ fds: [] });
  });
});
