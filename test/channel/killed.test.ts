/** The other process is killed while messages and handles are on their way in both directions. */
import { type ChildProcess, spawn } from "node:child_process";
import { HandleChannel, type HandleError, type OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import { beforeAll, expect, test } from "vitest";
import { next, patient, place } from "../support/channel_ends.ts";
import { rounds } from "../support/rounds.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows, pipeRaw, readRaw } from "../support/system.ts";
import { openOnce } from "../support/windows_objects.ts";
import { programPath } from "../support/program.ts";

/** Under Wine a process takes a hundred times as long to start. */
const ROUNDS = rounds(500, 20);
/** How many messages each side has sent on average when one of them is killed: at least so many. */
const LEAST = isWindows ? 5 : 20;
/** How many rounds go at once. */
const AT_ONCE = 4;
const script = programPath("channel/victim.ts");
/** The runtime that starts fastest is the victim; the survivor is the one that runs the test. */
const [executable, ...flags] = runtimeCommands().find(({ name }) => name === "bun")!
  .command as [string, ...string[]];

/** Whether nobody else has the other end of a pipe any more. Waits a while for that. */
function isAlone(reader: OwnedHandle): boolean {
  if (isWindows) return readRaw(reader.raw, 1) === "";
  const state: posix.PollFd = { fd: reader.raw, events: 0 };
  posix.poll([state], 300_000);
  return (state.revents! & posix.POLLHUP) !== 0;
}

/** Connects to a process that has just started; it may end before. */
async function reach(at: string, isOver: () => boolean): Promise<HandleChannel> {
  for (;;) {
    try {
      return await HandleChannel.connect(at, patient);
    } catch (error) {
      if (isOver()) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

interface Seen {
  messages: number;
  sent: number;
}

/** Sends until the channel ends; our own end of the pipe is closed then. */
async function sendAll(
  channel: HandleChannel,
  seen: Seen,
  onSent: () => void,
): Promise<OwnedHandle> {
  const { reader, writer } = pipeRaw();
  const payload = new Uint8Array(3000);
  try {
    for (let at = 0;; at++) {
      const handles = at % 40 === 39 ? Array.from({ length: 600 }, () => writer) : [writer];
      await channel.send({ payload: payload.subarray(at % 3000) }, handles);
      seen.sent++;
      onSent();
    }
  } catch (error) {
    expect((error as HandleError).code, String(error)).toBe("EPIPE");
  }
  await expect(channel.send("after the end", [writer])).rejects.toMatchObject({ code: "EPIPE" });
  writer.close();
  return reader;
}

async function survive(how: "listen" | "connect", random: () => number): Promise<Seen> {
  using where = place();
  const seen = { messages: 0, sent: 0 };
  let child: ChildProcess | undefined;
  let isOver = false;
  const start = () => {
    child = spawn(executable, [...flags, script, how, where.path], { stdio: "ignore" });
    return new Promise<void>((resolve) =>
      child!.once("close", () => {
        isOver = true;
        resolve();
      })
    );
  };
  let accept: (channel: HandleChannel) => void = () => {};
  const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
  const server = how === "connect"
    ? await HandleChannel.listen(where.path, accept, patient)
    : undefined;
  const over = start();
  await using channel = server === undefined
    ? await reach(where.path, () => isOver)
    : await accepted;
  const first = await next(channel);
  const [theirs] = first.handles as [OwnedHandle];
  // It is killed after so much load, however long that takes, and then at any moment.
  const [least, more] = [random() * 2 * LEAST, random() * 10];
  let kill: ReturnType<typeof setTimeout> | undefined;
  const killInTime = () => {
    if (Math.min(seen.messages, seen.sent) < least) return;
    kill ??= setTimeout(() => child!.kill("SIGKILL"), more);
  };
  killInTime();
  const sending = sendAll(channel, seen, killInTime);
  // What it had sent is received, then the end; never an error.
  for (let more = await channel.receive(); more !== undefined; more = await channel.receive()) {
    seen.messages++;
    killInTime();
    more[Symbol.dispose]();
  }
  clearTimeout(kill);
  const ours = await sending;
  await over;
  await channel.close();
  await server?.close();
  expect(isAlone(theirs), "what only the other process had is released").toBe(true);
  expect(isAlone(ours), "what was on its way is released").toBe(true);
  theirs.close();
  ours.close();
  return seen;
}

beforeAll(openOnce);

test(`in ${ROUNDS} rounds the survivor sees the end, and everything is released`, async () => {
  let state = 42;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  let round = 0;
  const sum = { messages: 0, sent: 0 };
  const lane = async () => {
    while (round < ROUNDS) {
      const { messages, sent } = await survive(round++ % 3 === 0 ? "listen" : "connect", random);
      sum.messages += messages;
      sum.sent += sent;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  expect(Math.min(sum.messages, sum.sent), "there was load").toBeGreaterThan(
    isWindows ? ROUNDS : 10 * ROUNDS,
  );
});
