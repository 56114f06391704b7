/** Receivers that stop, large messages, and limits of the system. */
import { spawnSync } from "node:child_process";
import type { HandleChannel } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { connected, next, turns } from "../support/channel_ends.ts";
import { identity } from "../support/channel_objects.ts";
import { anybodysFolder, asUser, canChangeUser, withHome } from "../support/nobody.ts";
import { lastLine, runProgram } from "../support/program.ts";
import { isWindows, openRaw, positionOf, readRaw, temporaryFile } from "../support/system.ts";
import { openOnce } from "../support/windows_objects.ts";

const isLinux = process.platform === "linux";

beforeAll(openOnce);

/** Sends one after the other, and counts those that got through. */
function inSequence(
  channel: HandleChannel,
  count: number,
  send: (at: number) => Promise<void>,
): { sent: number; readonly over: Promise<void> } {
  const state = { sent: 0, over: Promise.resolve() };
  state.over = (async () => {
    for (let at = 0; at < count; at++) {
      await send(at);
      state.sent++;
    }
    expect(channel.closed).toBe(false);
  })();
  return state;
}

function expectBetween(value: number, least: number, most: number): void {
  expect(value).toBeGreaterThanOrEqual(least);
  expect(value).toBeLessThanOrEqual(most);
}

describe("a sender waits for a receiver that does not receive", () => {
  test("after some messages", async () => {
    await using ends = await connected();
    const sending = inSequence(ends.near, 1000, (at) => ends.near.send(at));
    await turns(200);
    expectBetween(sending.sent, 1, 64);
    for (let at = 0; at < 1000; at++) {
      expect((await next(ends.far)).message).toBe(at);
      expect(sending.sent).toBeLessThanOrEqual(at + 1 + 64);
    }
    await sending.over;
    expect(sending.sent).toBe(1000);
  });

  test("after some hundreds of handles", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const handles = Array.from({ length: 100 }, () => source);
    await using ends = await connected();
    const sending = inSequence(ends.near, 20, (at) => ends.near.send(at, handles));
    await turns(200);
    expectBetween(sending.sent, 1, 10);
    for (let at = 0; at < 20; at++) {
      using received = await next(ends.far);
      expect(received).toMatchObject({ message: at, handles: { length: 100 } });
    }
    await sending.over;
  });

  test("after a megabyte, or one message that is larger", async () => {
    await using ends = await connected();
    for (const [size, most] of [[256 << 10, 4], [1 << 20, 1], [3 << 20, 1]] as const) {
      const payload = new Uint8Array(size);
      const sending = inSequence(ends.near, 12, () => ends.near.send(payload));
      await turns(200);
      expectBetween(sending.sent, 1, most);
      for (let at = 0; at < 12; at++) {
        expect(((await next(ends.far)).message as Uint8Array).length).toBe(size);
      }
      await sending.over;
    }
  });

  test("and both need little memory for hundreds of megabytes", () => {
    const [messages, size] = [isWindows ? 600 : 1600, 256 << 10];
    const args = [String(messages), String(size)];
    const { atFirst, bytes, grown } = runProgram("channel/memory.ts", { args })
      .result as Record<string, number>;
    expectBetween(atFirst as number, 1, 4);
    expect(bytes).toBe(messages * size);
    expect(grown).toBeLessThan(messages * size / 2);
  });

  test("while the other direction goes on", async () => {
    await using ends = await connected();
    const sending = inSequence(ends.near, 100, (at) => ends.near.send(at));
    await turns();
    for (let at = 0; at < 1000; at++) {
      await ends.far.send(at);
      expect((await next(ends.near)).message).toBe(at);
    }
    expectBetween(sending.sent, 1, 64);
    for (let at = 0; at < 100; at++) await next(ends.far);
    await sending.over;
  });
});

// Under Wine each duplicate is a message to another process.
const MANY = isWindows ? 1000 : 5000;

test(`a message may have ${MANY} handles`, async () => {
  using one = temporaryFile("a".repeat(MANY));
  using other = temporaryFile("b");
  using source = openRaw(one.path, "r");
  using mark = openRaw(other.path, "r");
  await using ends = await connected();
  const sources = Array.from({ length: MANY }, (_, at) => at % 1000 === 999 ? mark : source);
  const sent = ends.near.send("many", sources);
  const after = ends.near.send("after", [mark]);
  using received = await next(ends.far);
  await sent;
  expect(received).toMatchObject({ message: "many", handles: { length: MANY } });
  expect(new Set(received.handles.map(({ raw }) => raw)).size).toBe(MANY);
  if (isWindows) {
    for (const handle of received.handles) expect(readRaw(handle.raw, 1)).toMatch(/^[ab]?$/);
    expect(positionOf(source.raw)).toBe(MANY - MANY / 1000);
  } else {
    expect(received.handles.map(identity)).toEqual(sources.map(identity));
  }
  using last = await next(ends.far);
  await after;
  expect(last).toMatchObject({ message: "after", handles: { length: 1 } });
});

describe.runIf(isLinux)("at a limit of the system (Windows: handles are plentiful)", () => {
  const limited = (limit: number) => ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh"];

  test("of descriptors, what arrived is closed, and the next message is received", () => {
    const { full, lost, room, after, batches, waiting, direct, direction, leaked } = runProgram(
      "channel/limit.ts",
      { prefix: limited(600) },
    ).result as Record<string, unknown>;
    expect(full).toBeGreaterThan(100);
    expect(lost).toMatch(/^EMFILE: .* 10 handles.*ulimit -n/);
    expect(room, "what arrived was closed").toBe(3);
    expect(after).toEqual({ message: "arrives", handles: 1 });
    expect(batches).toMatch(/^EMFILE: .* (253|47) handles/);
    expect(waiting).toMatch(/^EMFILE/);
    expect(direct).toBe("done");
    expect(direction).toEqual({ message: "direct", handles: 1 });
    expect(leaked).toBe(0);
  });

  const plainRoot = ["setpriv", "--bounding-set=-sys_resource,-sys_admin", "--"];
  const canDrop = isLinux && process.getuid?.() === 0 &&
    spawnSync(plainRoot[0]!, [...plainRoot.slice(1), "true"]).status === 0;

  // What a user has in flight is counted over all processes, so it is a user without any other.
  const prefix = canChangeUser ? asUser(61234) : canDrop ? plainRoot : [];

  // Everybody else has no such privilege from the start.
  test.runIf(process.getuid?.() !== 0 || canDrop)(
    "of handles in flight, a sender waits until others have received theirs",
    { retry: canChangeUser ? 0 : 5 }, // other tests of this user may have handles in flight
    () => {
      using home = anybodysFolder();
      const { output } = runProgram("channel/in_flight.ts", {
        prefix: [...prefix, ...withHome(home.path), ...limited(400)],
      });
      const { all, atFirst, sent, received } = lastLine(output) as Record<string, number>;
      expect(atFirst).toBeGreaterThan(0);
      expect(atFirst, "some had to wait").toBeLessThan(all as number);
      expect([sent, received]).toEqual([all, 60 * (all as number)]);
    },
  );
});
