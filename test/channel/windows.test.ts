/** What channels are on Windows alone: whose process it is, and whose handles are left. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { borrow, HandleChannel, type HandleError } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { frame, helloFrame, joined, Kind, messageFrame, words } from "../../src/channel/frames.ts";
import { Link } from "../../src/channel/connection.ts";
import { encodeMessage } from "../../src/channel/message.ts";
import { type ChannelEnd, defaultLimits } from "../../src/channel/types.ts";
import { pairForChild, windowsChannels } from "../../src/channel/windows.ts";
import { connectToParent } from "../../src/channel/windows.ts";
import { connected, next, place } from "../support/channel_ends.ts";
import { Liar } from "../support/channel_liar.ts";
import { programPath, root } from "../support/program.ts";
import { type RuntimeCommand, runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows, temporaryFolder } from "../support/system.ts";
import { closeAll, connectedSockets, openOnce, signalled } from "../support/windows_objects.ts";

const { CreateEventW, NtQueryObject } = win32;

beforeAll(openOnce);

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<HandleError> {
  return await promise.then(() => {
    throw new Error("it was fulfilled");
  }, (error: HandleError) => error);
}

/** How many handles an object has, in all processes. */
const handlesOf = (raw: number) => NtQueryObject(raw).HandleCount;

/** Waits until the object has so many handles, which another process closes when it likes. */
async function untilHandles(raw: number, count: number): Promise<void> {
  while (handlesOf(raw) !== count) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Waits until one can listen at a name: Deno closes a pipe a moment later. */
async function untilFree(name: string): Promise<void> {
  for (;;) {
    try {
      return await (await HandleChannel.listen(name, () => {})).close();
    } catch (error) {
      if ((error as HandleError).code !== "EADDRINUSE") throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Runs a program beside the tests in a runtime. Its output goes to a file. */
async function run(runtime: RuntimeCommand, ...args: string[]): Promise<[number | null, string]> {
  using folder = temporaryFolder();
  const file = path.join(folder.path, "output.txt");
  const output = fs.openSync(file, "w");
  const child = start(runtime, output, ...args);
  fs.closeSync(output);
  const [code] = await once(child, "exit") as [number | null];
  return [code, fs.readFileSync(file, "utf8")];
}

function start(
  runtime: RuntimeCommand,
  output: number | "ignore",
  ...args: string[]
): ChildProcess {
  const [command, ...before] = runtime.command as [string, ...string[]];
  const [program, ...rest] = args as [string, ...string[]];
  const script = programPath(program);
  const stdio = ["ignore", output, output] as const;
  return spawn(command, [...before, script, ...rest], { stdio: [...stdio], cwd: root });
}

/** A server whose ends are not greeted by the library's own channels. */
async function rawServer(
  name: string,
): Promise<{ end: Promise<ChannelEnd>; close(): Promise<void> }> {
  let found: (end: ChannelEnd) => void = () => {};
  const end = new Promise<ChannelEnd>((resolve) => found = resolve);
  return { end, ...await windowsChannels.listen(name, found) };
}

/** A link whose other end is a liar in this process that says it is that one. */
async function lied(pid: number): Promise<{ link: Link; liar: Liar } & AsyncDisposable> {
  using where = place();
  const server = await rawServer(where.path);
  const liar = await Liar.connect(where.path, pid);
  const link = new Link(await server.end, defaultLimits);
  return {
    link,
    liar,
    async [Symbol.asyncDispose]() {
      liar[Symbol.dispose]();
      await link.close();
      await server.close();
    },
  };
}

/** A process that only waits. */
function waitingProcess(): { pid: number } & AsyncDisposable {
  const child = spawn("cmd.exe", ["/q", "/k"], { stdio: ["pipe", "ignore", "ignore"] });
  const over = once(child, "close");
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      child.kill();
      await over;
    },
  };
}

describe.runIf(isWindows)("the name of a pipe", () => {
  const bad: unknown[] = [
    ...["", "name", "/tmp/s", "C:\\pipe\\x", "\\\\.\\pipe", "\\\\.\\pipe\\", "\\\\host\\pipe\\x"],
    ...["\\\\.\\pipe\\a\0b", `\\\\.\\pipe\\${"x".repeat(248)}`, 5, null, undefined, {}],
  ];

  test.each(bad)("%j is none", async (name) => {
    for (
      const open of [HandleChannel.connect, (path: string) => HandleChannel.listen(path, () => {})]
    ) {
      const error = await rejection(open(name as string));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain("\\\\.\\pipe\\name");
    }
  });

  test("may be in any case, and as long as Windows allows", async () => {
    for (const [at, prefix] of ["\\\\.\\PIPE\\", "\\\\.\\Pipe\\"].entries()) {
      const name = `${prefix}Duphandle-${process.pid}-${at}`.padEnd(256, "x");
      await using _ = await HandleChannel.listen(name, (channel) => channel.send("found"));
      await using channel = await HandleChannel.connect(name.toLowerCase());
      expect((await next(channel)).message).toBe("found");
    }
  });

  test("is one server's at a time", async () => {
    using where = place();
    const listen = () => HandleChannel.listen(where.path, () => {});
    const first = await listen();
    expect(await rejection(listen())).toMatchObject({ code: "EADDRINUSE" });
    await first.close();
    await (await listen()).close();
  });

  test("leads to nobody when nobody listens, or no more", async () => {
    using where = place();
    expect(await rejection(HandleChannel.connect(where.path))).toMatchObject({ code: "ENOENT" });
    await (await HandleChannel.listen(where.path, () => {})).close();
    expect(await rejection(HandleChannel.connect(where.path))).toMatchObject({ code: "ENOENT" });
  });
});

describe.runIf(isWindows)("a server", () => {
  test("does not mind who connects and says nothing", async () => {
    using where = place();
    const channels: HandleChannel[] = [];
    await using _ = await HandleChannel.listen(where.path, (channel) => {
      channels.push(channel);
      channel.send("hello");
    });
    for (let round = 0; round < 5; round++) {
      const socket = net.connect(where.path);
      await once(socket, "connect");
      socket.destroy();
    }
    await using near = await HandleChannel.connect(where.path);
    expect((await next(near)).message).toBe("hello");
    expect(channels.length).toBe(1);
    await channels[0]!.close();
  });

  test("hangs up on who has said nothing when it closes", async () => {
    using where = place();
    const server = await rawServer(where.path);
    const socket = net.connect(where.path).on("error", () => {}).resume();
    await server.end;
    const over = once(socket, "close");
    await server.close();
    await over;
  });

  test("has twelve channels at once, from every runtime", async () => {
    using where = place();
    const runtimes = runtimeCommands();
    const here: HandleChannel[] = [];
    let isFull: () => void = () => {};
    const full = new Promise<void>((resolve) => isFull = resolve);
    const each = 12 / runtimes.length;
    await using _ = await HandleChannel.listen(where.path, async (channel) => {
      await channel.receive();
      if (here.push(channel) === 12) isFull();
      await full;
      await channel.send("all are here");
      for await (using received of channel) {
        for (const { raw } of received.handles) win32.SetEvent(raw);
        await channel.send("signalled");
      }
      await channel.close();
    });
    const clients = runtimes.map((runtime) =>
      run(runtime, "channel/windows_client.ts", where.path, String(each))
    );
    expect(await Promise.all(clients)).toEqual(runtimes.map(() => [0, expect.anything()]));
    await Promise.all(here.map((channel) => channel.close()));
  });

  test("goes on after three hundred channels one after the other, and sixty at once", async () => {
    using where = place();
    const far: HandleChannel[] = [];
    await using _ = await HandleChannel.listen(where.path, (channel) => void far.push(channel));
    const open = async () => {
      const channel = await HandleChannel.connect(where.path);
      await channel.send(1);
      return channel;
    };
    const closeThem = () => Promise.all(far.splice(0).map((channel) => channel.close()));
    for (let round = 0; round < 300; round++) {
      await (await open()).close();
      await closeThem();
    }
    const near = await Promise.all(Array.from({ length: 60 }, open));
    while (far.length < 60) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([...near.map((channel) => channel.close()), closeThem()]);
  });
});

describe.runIf(isWindows)("the process at the other end", () => {
  test("is the one that it says: it shows an event that only that one could take", async () => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    await both.link.ready;
    expect(both.link.peer).toBe(process.pid);
  });

  test("is not another one", async () => {
    await using other = waitingProcess();
    await using both = await lied(other.pid);
    const event = await both.liar.hear(Kind.Prove);
    both.liar.say(frame(Kind.Proved, words(event!)));
    const error = await rejection(both.link.ready);
    expect(error).toMatchObject({ code: "EACCES" });
    expect(error.message).toContain(`it is ${other.pid} and is not`);
  });

  test("is not one that shows something else", async () => {
    const event = CreateEventW(null, true, false, null);
    for (const number of [event, 0x7ff0]) {
      await using both = await lied(process.pid);
      both.liar.say(frame(Kind.Proved, words(number)));
      expect(await rejection(both.link.ready)).toMatchObject({ code: "EACCES" });
    }
    expect(handlesOf(event)).toBe(1);
    win32.CloseHandle(event);
  });

  test("is not one that there is not", async () => {
    await using both = await lied(0x7fff_fff0);
    const error = await rejection(both.link.ready);
    expect(error).toMatchObject({ code: "ESRCH" });
    expect(error.message).toContain(`process ${0x7fff_fff0}`);
  });

  test("may never prove anything: it is not heard, and nothing is left of it", async () => {
    await using both = await lied(process.pid);
    const { json, parts } = encodeMessage("early");
    both.liar.say(messageFrame(json, parts, 0));
    await both.liar.hear(Kind.Prove);
    both.liar[Symbol.dispose]();
    expect(await rejection(both.link.ready)).toMatchObject({ code: "EPIPE" });
    expect(await both.link.inbox.receive()).toBeUndefined();
  });

  test.each(
    [
      ["a second event", (it: number) => [it, it].map((raw) => frame(Kind.Prove, words(raw)))],
      ["no number", () => [frame(Kind.Prove)]],
      ["two numbers", () => [frame(Kind.Prove, words(4, 8))]],
      ["no handle", () => [frame(Kind.Prove, words(6))]],
      ["this process itself", () => [frame(Kind.Proved, words(-1))]],
      ["thanks for nothing", () => [frame(Kind.Proved)]],
    ] as const,
  )("is not one that sends %s for a proof", async (_, frames) => {
    await using both = await lied(process.pid);
    const event = CreateEventW(null, true, false, null);
    both.liar.say(...frames(event));
    expect(await rejection(both.link.ready)).toMatchObject({ code: "EPROTO" });
    await both.link.close();
    expect(handlesOf(event)).toBe(1);
    win32.CloseHandle(event);
  });

  test("is the one whose pipe it is, as the system says", async () => {
    await using other = waitingProcess();
    using where = place();
    const liars: Liar[] = [];
    const server = net.createServer((socket) => {
      const liar = new Liar(socket);
      liars.push(liar);
      liar.say(helloFrame({ pid: other.pid, limits: defaultLimits }));
    });
    server.listen(where.path);
    const error = await rejection(HandleChannel.connect(where.path));
    expect(error).toMatchObject({ code: "EACCES" });
    for (const liar of liars) liar[Symbol.dispose]();
    server.close();
    await once(server, "close");
  });

  // The system's own process lets nobody in. Wine has none with this pid, and one user only.
  test("is not another user's (Windows itself; Wine has one user)", async () => {
    await using both = await lied(4);
    const { code } = await rejection(both.link.ready);
    expect(["EACCES", "ESRCH"]).toContain(code);
  });
});

describe.runIf(isWindows)("the sender's copies", () => {
  test("are closed when they are received", async () => {
    await using ends = await connected();
    const event = CreateEventW(null, true, false, null);
    await ends.near.send("two", [event, event].map((raw) => borrow(raw)));
    await ends.near.send("one", [borrow(event)]);
    expect(handlesOf(event)).toBe(4);
    const two = await next(ends.far);
    win32.SetEvent(two.handles[0]!.raw);
    expect(two.handles.map(({ raw }) => signalled(raw))).toEqual([true, true]);
    await untilHandles(event, 1 + 2 + 1); // ours, theirs, and one on its way
    two[Symbol.dispose]();
    (await next(ends.far))[Symbol.dispose]();
    await untilHandles(event, 1);
    win32.CloseHandle(event);
  });

  test("are closed when either side closes", async () => {
    for (const side of ["near", "far"] as const) {
      const event = CreateEventW(null, true, false, null);
      const ends = await connected();
      await ends.near.send("never received", [event, event, event].map((raw) => borrow(raw)));
      expect(handlesOf(event)).toBe(4);
      await Promise.all([ends[side].close(), ends.near.close(), ends.far.close()]);
      expect(handlesOf(event), side).toBe(1);
      win32.CloseHandle(event);
    }
  });

  test.each(isWindows ? runtimeCommands() : [])(
    "are closed when the other process, in $name, is ended, and its own with it",
    async (runtime) => {
      using where = place();
      const event = CreateEventW(null, true, false, null);
      let found: (channel: HandleChannel) => void = () => {};
      const accepted = new Promise<HandleChannel>((resolve) => found = resolve);
      await using _ = await HandleChannel.listen(where.path, found);
      const child = start(runtime, "ignore", "channel/windows_client.ts", where.path, "0");
      const over = once(child, "close");
      const channel = await accepted;
      expect((await next(channel)).message).toBe("here");
      await channel.send("received", [borrow(event)]);
      expect((await next(channel)).message).toBe("received");
      expect(handlesOf(event)).toBe(2);
      await channel.send("on its way", [event, event].map((raw) => borrow(raw)));
      expect(handlesOf(event)).toBeGreaterThan(2);
      const process = win32.OpenProcess(win32.PROCESS_TERMINATE, false, channel.pid!);
      win32.TerminateProcess(process, 1);
      win32.CloseHandle(process);
      await over;
      expect(await channel.receive()).toBeUndefined();
      await channel.close();
      await untilHandles(event, 1);
      win32.CloseHandle(event);
    },
  );

  test("are none of what Windows cannot duplicate", async () => {
    await using ends = await connected();
    const event = CreateEventW(null, true, false, null);
    const sockets = connectedSockets();
    const port = win32.CreateIoCompletionPort(-1, 0, 0, 0);
    for (const raw of [sockets[0], port]) {
      const sent = ends.near.send("refused", [event, event, raw].map((raw) => borrow(raw)));
      expect(await rejection(sent)).toMatchObject({ code: "ENOTSUP" });
      expect(handlesOf(event)).toBe(1);
    }
    await ends.near.send("fine", [borrow(event)]);
    using received = await next(ends.far);
    expect(received.message).toBe("fine");
    for (const socket of sockets) win32.closesocket(socket);
    closeAll(event, port);
  });
});

describe.runIf(isWindows)("what is told of handles on their way", () => {
  const lies: readonly (readonly [string, Uint8Array])[] = [
    ["too few numbers", words()],
    ["too many numbers", words(4, 8)],
    ["half a number", words(4).subarray(0, 2)],
    ["0", words(0)],
    ["a number that is no handle", words(6)],
    ["this process itself", words(-1)],
  ];

  test.each(lies)("must not be %s", async (_, ticket) => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    const { json, parts } = encodeMessage("one");
    both.liar.say(messageFrame(json, parts, 1), frame(Kind.Handles, words(1), ticket));
    expect(await rejection(both.link.inbox.receive())).toMatchObject({ code: "EPROTO" });
  });

  test.each(lies)("must not be %s, also when a goodbye follows at once", async (_, ticket) => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    const event = CreateEventW(null, true, false, null);
    const { json, parts } = encodeMessage("one");
    const said = [words(event), ticket].flatMap((each) => [
      messageFrame(json, parts, 1),
      frame(Kind.Handles, words(1), each),
    ]);
    both.liar.say(joined([...said, frame(Kind.Bye)]));
    await both.liar.over(); // nobody has received anything yet
    const { handles } = (await both.link.inbox.receive())!;
    expect(await rejection(both.link.inbox.receive())).toMatchObject({ code: "EPROTO" });
    expect(handles.map(handlesOf)).toEqual([2]);
    closeAll(event, ...handles);
  });

  test("may be a handle that is closed: its message is lost, and no other", async () => {
    await using both = await lied(process.pid);
    await both.liar.prove();
    const event = CreateEventW(null, true, false, null);
    const { json, parts } = encodeMessage("two");
    const message = messageFrame(json, parts, 2);
    both.liar.say(message, frame(Kind.Handles, words(2), words(event, 0x7ff0)));
    both.liar.say(message, frame(Kind.Handles, words(2), words(event, event)));
    expect(await rejection(both.link.inbox.receive())).toMatchObject({ code: "EBADF" });
    expect(handlesOf(event)).toBe(1);
    const { handles } = (await both.link.inbox.receive())!;
    expect(handles.map(handlesOf)).toEqual([3, 3]);
    closeAll(event, ...handles);
  });
});

describe.runIf(isWindows)("a channel with a child", () => {
  test("can be used before the child is there, from both sides", async () => {
    const { mine, name } = pairForChild();
    await using parent = HandleChannel.of(mine, defaultLimits);
    const sent = parent.send("for the child");
    await using child = HandleChannel.of(connectToParent(name), defaultLimits);
    await Promise.all([sent, child.send("for the parent")]);
    expect((await next(child)).message).toBe("for the child");
    expect((await next(parent)).message).toBe("for the parent");
    expect([parent.pid, child.pid]).toEqual([process.pid, process.pid]);
    // Nobody else can connect, and the name goes with the channel.
    expect(await rejection(HandleChannel.listen(name, () => {}))).toMatchObject({
      code: "EADDRINUSE",
    });
    await Promise.all([parent.close(), child.close()]);
    await untilFree(name);
  });

  test.each(isWindows ? runtimeCommands() : [])("in $name", async (runtime) => {
    const { mine, name } = pairForChild();
    const channel = HandleChannel.of(mine, defaultLimits);
    const over = run(runtime, "channel/windows_child.ts", name);
    const event = CreateEventW(null, true, false, null);
    await channel.send("back", [borrow(event)]);
    expect((await next(channel)).message).toBe("early");
    using back = await next(channel);
    win32.SetEvent(back.handles[0]!.raw);
    expect(signalled(event)).toBe(true);
    await channel.close();
    expect(await over).toEqual([0, expect.anything()]);
    win32.CloseHandle(event);
  });

  test("ends when it is cancelled, since the child has not come", async () => {
    const { mine, cancel } = pairForChild();
    const channel = HandleChannel.of(mine, defaultLimits);
    const sent = channel.send("in vain");
    const received = channel.receive();
    cancel();
    expect(await rejection(sent)).toMatchObject({ code: "EPIPE" });
    expect(await received).toBeUndefined();
    cancel();
    await channel.close();
  });

  test("ends when it is closed before the child has come", async () => {
    const { mine, name } = pairForChild();
    await HandleChannel.of(mine, defaultLimits).close();
    await using child = HandleChannel.of(connectToParent(name), defaultLimits);
    expect(await child.receive()).toBeUndefined();
  });

  test("goes on when it is cancelled after the child has come", async () => {
    const { mine, name, cancel } = pairForChild();
    await using parent = HandleChannel.of(mine, defaultLimits);
    await using child = HandleChannel.of(connectToParent(name), defaultLimits);
    await child.send("here");
    expect((await next(parent)).message).toBe("here");
    cancel();
    await parent.send("still there");
    expect((await next(child)).message).toBe("still there");
    await Promise.all([parent.close(), child.close()]);
  });
});

// The last test: it takes ten seconds, after which Wine has forgotten what it had for children.
describe.runIf(isWindows)("the name of a pipe whose server is closed", () => {
  test("stays as long as a channel that was opened by it", async () => {
    using where = place();
    let far: HandleChannel | undefined;
    const server = await HandleChannel.listen(where.path, (channel) => far = channel);
    const near = await HandleChannel.connect(where.path);
    await near.send(1);
    while (far === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.close();
    const again = HandleChannel.listen(where.path, () => {});
    expect(await rejection(again)).toMatchObject({ code: "EADDRINUSE" });
    expect(await rejection(HandleChannel.connect(where.path))).toMatchObject({
      code: "ECONNREFUSED",
    });
    await Promise.all([near.close(), far.close()]);
  });
});
