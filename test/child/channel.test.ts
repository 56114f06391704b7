/** A channel with a child: what `spawn` with `channel` and `parentChannel()` promise beside messages. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  type ChannelOptions,
  type HandleChannel,
  type HandleSpawnOptions,
  type OwnedHandle,
  parentChannel,
  spawn,
} from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { limits, outcomeOf, receiveSizes, sendSizes } from "./programs/channel_sizes.ts";
import { connected, next } from "../support/channel_ends.ts";
import { type ChildFiles, childFiles } from "../support/child_files.ts";
import { commandFor, programPath, runProgram } from "../support/program.ts";
import { isDeno, isWindows, openRaw, pipeRaw, temporaryFile, writeRaw } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

const VARIABLES = { DUPHANDLE_HANDLES: "log=3", DUPHANDLE_CHANNEL: "\\\\.\\pipe\\nobody" };

/** The command that starts a program beside the tests in the runtime of the test. */
function commandOf(program: string, ...args: string[]): [command: string, args: string[]] {
  const script = programPath(program);
  const [command, ...rest] = commandFor(script, { args }) as [string, ...string[]];
  return [command, rest];
}

/** Starts a child with a channel; `result` waits for its end. */
function start(
  files: ChildFiles,
  [command, args]: [command: string, args: string[]],
  options: HandleSpawnOptions & { channel?: true | ChannelOptions } = {},
) {
  const child = spawn(command, args, { ...files.options, channel: true, ...options });
  return {
    child,
    channel: child.channel,
    result: files.result(child as unknown as ChildProcess) as Promise<Record<string, unknown>>,
  };
}

beforeAll(openOnce);
beforeAll(async () => {
  await (await connected())[Symbol.asyncDispose]();
});

describe("parentChannel()", () => {
  test("gives the same channel at every call, beside the handles of the child", async () => {
    using files = childFiles();
    using file = temporaryFile("");
    using log = openRaw(file.path, "r");
    const { child, channel, result } = start(files, commandOf("child/channel.ts", "find"), {
      handles: { log },
    });
    expect([channel.pid, channel.closed]).toEqual([undefined, false]);
    await channel.send("early"); // the child does not run yet
    expect((await next(channel)).message).toBe("here");
    expect(channel.pid).toBe(child.pid);
    await channel.close();
    expect(channel.closed).toBe(true);
    expect(await result).toEqual({
      found: true,
      again: true,
      refused: "TypeError",
      names: ["log"],
      told: [null, null],
      early: "early",
      pid: process.pid,
      later: true,
    });
  });

  test("gives undefined in a process that has none", async () => {
    expect([parentChannel(), parentChannel()]).toEqual([undefined, undefined]);
    using files = childFiles();
    using file = temporaryFile("");
    using log = openRaw(file.path, "r");
    const [command, args] = commandOf("child/channel.ts", "find");
    // What the variables said in the parent is not for the child.
    const env = { ...files.options.env, ...VARIABLES };
    for (const [channel, handles] of [[false, {}], [undefined, { log }]] as const) {
      const child = spawn(command, args, { ...files.options, env, handles, channel });
      expect(child).not.toHaveProperty("channel.send");
      expect(await files.result(child as unknown as ChildProcess)).toEqual({
        found: false,
        again: true,
        refused: "TypeError",
        names: Object.keys(handles),
        told: [null, null],
      });
    }
  });

  // The worker threads of Deno for Windows lack a call under Wine.
  test.skipIf(isDeno && isWindows)("is refused in a worker thread", async () => {
    using files = childFiles();
    const { channel, result } = start(files, commandOf("child/channel_worker.ts"));
    await channel.send("for the main thread");
    expect(await result).toMatchObject({
      inWorker: { code: "ENOTSUP", message: expect.stringContaining("in a worker thread") },
      inMain: "for the main thread",
    });
    await channel.close();
  });
});

describe("the limits of spawn() and parentChannel()", () => {
  test("are kept to by the other side", async () => {
    using files = childFiles();
    const { channel, result } = start(files, commandOf("child/channel.ts", "sizes"), {
      channel: limits.parent,
    });
    const outcomes = await sendSizes(channel, limits.child);
    const received = await receiveSizes(channel);
    expect(outcomes).toEqual([
      "done",
      "done",
      expect.stringMatching(/^EMSGSIZE: .* 201 bytes .* accepts 200;/),
      expect.stringMatching(/^EMSGSIZE: .* 2 handles .* accepts 1;/),
    ]);
    expect(received).toEqual([300, 3]);
    expect(await result).toEqual({
      outcomes: [
        "done",
        "done",
        expect.stringMatching(/^EMSGSIZE: .* 301 bytes .* accepts 300;/),
        expect.stringMatching(/^EMSGSIZE: .* 4 handles .* accepts 3;/),
      ],
      received: [200, 1],
    });
    await channel.close();
  });

  test("are checked before anything is started", () => {
    const wrong = [null, 1, "yes", { maxHandles: -1 }, { maxMessageBytes: 63 }, { maxBytes: 100 }];
    for (const channel of wrong) {
      expect(() => spawn("x", [], { channel: channel as never }), String(channel))
        .toThrow(TypeError);
    }
  });
});

/** What a channel says that has come to its end because its child has. */
async function expectEnd(channel: HandleChannel): Promise<void> {
  expect(await channel.receive()).toBeUndefined();
  expect(channel.closed).toBe(true);
  expect(await outcomeOf(channel.send("after the end"))).toMatch(/^EPIPE: /);
  await channel.close();
}

/** Nobody has the other end of a pipe any more: what was on its way there is released. */
function expectAlone(writer: OwnedHandle): void {
  const { status } = thrownBy(() => writeRaw(writer.raw, "for nobody"));
  expect(status).toBe(isWindows ? "ERROR_NO_DATA" : "ERROR_BROKEN_PIPE");
  writer.close();
}

describe("the channel with a child", () => {
  test("that is killed ends, and what was on its way to it is released", async () => {
    using files = childFiles();
    const [command, args] = commandOf("child/channel.ts", "wait");
    const child = spawn(command, args, { ...files.options, channel: true });
    const exit = once(child, "exit");
    expect((await next(child.channel)).message, files.output()).toBe("here");
    const { reader, writer } = pipeRaw();
    await child.channel.send("never received", [reader]);
    reader.close();
    child.kill("SIGKILL");
    await exit;
    await expectEnd(child.channel);
    expectAlone(writer);
  });

  test("that ends without having asked for it ends, and sends nothing", async () => {
    const { reader, writer } = pipeRaw();
    const options = { stdio: "ignore", channel: true } as const;
    const child = spawn(process.execPath, ["--version"], options);
    const exit = once(child, "exit");
    const sent = outcomeOf(child.channel.send("in vain", [reader]));
    const received = child.channel.receive();
    reader.close();
    expect((await exit)[0]).toBe(0);
    expect(await sent).toMatch(/^EPIPE: /);
    expect(await received).toBeUndefined();
    expect(child.channel.pid).toBeUndefined();
    await expectEnd(child.channel);
    expectAlone(writer);
  });

  test("whose program is not there ends, after the child's error event", async () => {
    const { reader, writer } = pipeRaw();
    const options = { stdio: "ignore", channel: true } as const;
    const child = spawn("/there/is/no/such/program", [], options);
    const failed = once(child, "error");
    const sent = outcomeOf(child.channel.send("in vain", [reader]));
    reader.close();
    // Deno for Windows gives no code.
    const [error] = await failed;
    expect(error).toMatchObject(isDeno && isWindows ? { name: "Error" } : { code: "ENOENT" });
    expect(await sent).toMatch(/^EPIPE: /);
    expect([child.pid, child.channel.pid]).toEqual([undefined, undefined]);
    await expectEnd(child.channel);
    expectAlone(writer);
  });

  test("lets an error without a listener end the process", () => {
    for (const how of ["channel", "none"]) {
      const { code, output } = runProgram("child/channel_missing.ts", {
        args: [how],
        mayFail: true,
      });
      expect([code, output], how).toEqual([7, expect.stringContaining("uncaught Error")]);
    }
  });

  test("is not made when the runtime cannot start anything, and nothing is left of it", () => {
    for (const [command, args] of [["a\0b", []], ["x", ["a\0b"]], [1 as never, []]] as const) {
      expect(() => spawn(command, args, { channel: true })).toThrow();
    }
  });

  test('is refused beside an "ipc" entry of stdio', () => {
    for (const channel of [true, limits.parent]) {
      const stdio: HandleSpawnOptions["stdio"] = ["ignore", "ignore", "ignore", "ipc"];
      expect(() => spawn("x", [], { stdio, channel })).toThrow(TypeError);
      expect(() => spawn("x", { stdio, channel })).toThrow(/choose one of them/);
    }
  });

  test("has its names for itself", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    for (const name of ["duphandle:", "duphandle:stream", "duphandle:other"]) {
      for (const channel of [true, false]) {
        expect(() => spawn("x", [], { handles: { [name]: source }, channel })).toThrow(TypeError);
      }
    }
  });
});
