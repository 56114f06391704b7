/** One scenario of the hostile peer, and what must hold whatever it does. */
import { HandleChannel, isSameObject, type OwnedHandle } from "duphandle";
import { afterAll, beforeAll, expect } from "vitest";
import { connected, type Ends, turns } from "./channel_ends.ts";
import {
  exchangeUntil,
  HostilePeer,
  type PeerEnd,
  type Scenario,
  Seen,
  useChannel,
  type WrongFile,
} from "./hostile.ts";
import { calibrate, LoopMeter } from "./loop_meter.ts";
import { openRaw, temporaryFile } from "./system.ts";

/** What a pause may take: the 250 ms that are promised, times four for what a busy machine adds. */
const PAUSE_MS = 4 * 250;
/** Longer than any pause of a machine that others use too, and shorter than the peer lives. */
const BLOCKED_MS = 30_000;
const MEMORY = 400 << 20;
/** How the peer may end. */
const goodEnds = ["hung up", "left", "killed"];

/** What the scenarios of a file have in common. */
export interface Attacks {
  readonly peer: HostilePeer;
  readonly file: OwnedHandle;
  readonly bystanders: Ends;
  readonly seed: number;
  /** Plays a scenario against what listens or connects, and compares what was seen. */
  run(scenario: Scenario, act: (seen: Seen) => Promise<PeerEnd>): Promise<void>;
}

/** Prepares the attacks of a test file, and prints the longest pauses of the event loop in the end. */
export function attacks(): Attacks {
  const pauses: { name: string; cpu: number; wall: number }[] = [];
  const seed = Number(process.env["DUPHANDLE_SEED"] ?? Math.trunc(Math.random() * 2 ** 32));
  let slowness = 1;
  let state: Omit<Attacks, "seed" | "run"> | undefined;
  beforeAll(async () => {
    slowness = calibrate();
    using content = temporaryFile("library");
    const file = openRaw(content.path, "r");
    state = { file, peer: new HostilePeer(), bystanders: await connected() };
  });
  afterAll(async () => {
    await state?.peer[Symbol.asyncDispose]();
    await state?.bystanders[Symbol.asyncDispose]();
    state?.file.close();
    if (pauses.length < 2) return;
    pauses.sort((one, other) => other.cpu - one.cpu);
    const [longest, next] = pauses.map(({ name, cpu, wall }) =>
      `${cpu.toFixed(0)} ms of computing, ${wall.toFixed(0)} by the clock (${name})`
    );
    console.log(
      `longest pauses of the event loop: ${longest}; ${next}; this machine: ${slowness.toFixed(1)}`,
    );
  });
  const of = () => state!;
  return {
    get peer() {
      return of().peer;
    },
    get file() {
      return of().file;
    },
    get bystanders() {
      return of().bystanders;
    },
    seed,
    async run(scenario, act) {
      const seen = new Seen();
      const memory = process.memoryUsage.rss();
      let most = memory;
      let isOver = false;
      using meter = new LoopMeter();
      const others = exchangeUntil(of().bystanders, of().file, () => {
        most = Math.max(most, process.memoryUsage.rss());
        return isOver;
      });
      const { end, pid } = await act(seen).finally(() => isOver = true);
      await others;
      const pause = meter.longest;
      pauses.push({ name: scenario.name, ...pause });
      const told = `${scenario.name}, seed ${seed}: ${end}; received ${
        seen.received.slice(-5)
      }; sent ${seen.sent.slice(-5)}`;
      expect(goodEnds, told).toContain(end);
      expect(seen.foreign.map(String), told).toEqual([]);
      expect(seen.wrongFiles.filter(wrongFor(scenario)), told).toEqual([]);
      expect(({} as Record<string, unknown>)["polluted"], told).toBeUndefined();
      expectSeen(scenario, seen, told);
      if (scenario.expect === "works") expect(new Set(seen.pids), told).toEqual(new Set([pid]));
      expect(pause.cpu / slowness, told).toBeLessThan(PAUSE_MS);
      expect(pause.wall, told).toBeLessThan(BLOCKED_MS);
      expect(most - memory, told).toBeLessThan(MEMORY);
      await exchangeUntil(of().bystanders, of().file, () => true);
    },
  };
}

/** Where bytes are changed, the name in a message may be: then a file must have its place among the others. */
function wrongFor({ name }: Scenario): (file: WrongFile) => boolean {
  const isChanged = name.startsWith("changed bytes");
  return ({ found, expected }) => !isChanged || found.at(-1) !== expected.at(-1);
}

function expectSeen(
  { expect: expected, app }: Scenario,
  { received, pids }: Seen,
  told: string,
): void {
  if (expected === "any") return;
  if (expected === "refused") return void expect(pids, told).toEqual([]);
  expect(pids.length, told).toBeGreaterThan(0);
  if (app === "flood" || app === "close") return; // it has closed, which is all that it waited for
  if (expected === "protocol") expect(received, told).toContain("EPROTO");
  else {
    expect(received.at(-1), told).toBe("end");
    expect(received, told).not.toContain("EPROTO");
  }
  if (expected === "works") expect(received, told).toContain("message");
}

/** A server that uses the channels of others in the way of a scenario, and echoes to this process. */
export async function attacked(
  { app, options }: Scenario,
  path: string,
  file: OwnedHandle,
  seen: Seen,
): Promise<{ end(): Promise<void> }> {
  const uses: Promise<void>[] = [];
  let isOver = () => {};
  const over = new Promise<void>((resolve) => isOver = resolve);
  const server = await HandleChannel.listen(path, (channel) => {
    uses.push(
      channel.pid === process.pid ? echo(channel) : useChannel(channel, app, file, over, seen),
    );
  }, { ...options, onError: (error: unknown) => seen.codeOf(error) });
  return {
    async end() {
      isOver();
      await turns();
      await server.close();
      for (let count = -1; count < uses.length;) {
        count = uses.length;
        await Promise.all(uses);
        await turns();
      }
    },
  };
}

/** Sends one message back, with its handles. */
export async function echo(channel: HandleChannel): Promise<void> {
  using received = await channel.receive();
  if (received !== undefined) await channel.send(received.message, received.handles);
  await channel.close();
}

/** An honest client: it sends a file, and must get it back. */
export async function visit(path: string, file: OwnedHandle): Promise<void> {
  await using channel = await HandleChannel.connect(path);
  expect(channel.pid).toBe(process.pid);
  await channel.send("honest", [file]);
  using received = await channel.receive();
  expect(received).toMatchObject({ message: "honest", handles: { length: 1 } });
  expect(isSameObject(received!.handles[0]!, file)).toBe(true);
}
