/**
 * A channel to a child in the same runtime, and beside it the runtime's own socket between the two:
 * `channel.ts ROUND_TRIPS STREAMED ARRAYS` prints what each costs.
 */
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type HandleChannel, type HandleSource, spawn } from "../mod.ts";
import { ARRAY_BYTES, type ChannelCost, MANY, type Transfer } from "./channel_cost.ts";
import { median } from "./timing.ts";

/** The batches of round trips, in turns. */
const BATCHES = 20;
/** The bytes of a small message on the runtime's own socket: about those of a message of a channel. */
const SMALL_BYTES = 30;

/** What is measured of the channel and of the socket, which take turns. */
interface Side {
  readonly roundTrip: () => Promise<unknown>;
  /** Sends an array to the child, until it has it. */
  readonly there: () => Promise<unknown>;
  /** Receives an array of the child. */
  readonly back: () => Promise<unknown>;
}

const { bun, deno, node } = process.versions;
const [roundTrips, streamed, arrays] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
];
const folder = mkdtempSync(join(tmpdir(), "duphandle-bench-"));
const file = openSync("/dev/null", "r");
const { channel, socket } = await start();
rmSync(folder, { recursive: true });
const ofChannel = channelSide();
const ofSocket = socketSide();

const trips = await compareRoundTrips();
const one = await stream([file], streamed);
const many = await stream(Array<number>(MANY).fill(file), streamed * 10);
const transfers = await compareTransfers();
closeSync(file);
socket.destroy();
await channel.close();
const cost: ChannelCost = { version: deno ?? bun ?? node, ...trips, one, many, ...transfers };
console.log(JSON.stringify(cost));

/** Starts the child, which connects a socket of its runtime to this process. */
async function start(): Promise<{ channel: HandleChannel; socket: Socket }> {
  const path = join(folder, "own");
  const server = createServer().listen(path);
  const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.once("listening", resolve));
  const before = deno === undefined ? process.execArgv : ["run", "-A", "--quiet"];
  const script = join(import.meta.dirname, "channel_child.ts");
  const { channel } = spawn(process.execPath, [...before, script, path], {
    stdio: ["ignore", "inherit", "inherit"],
    channel: true,
  });
  const socket = await connected;
  server.close();
  return { channel, socket };
}

async function ask(message: string): Promise<unknown> {
  await channel.send(message);
  return (await channel.receive())?.message;
}

function channelSide(): Side {
  const bytes = new Uint8Array(ARRAY_BYTES);
  const sources: HandleSource[] = [file];
  return {
    async roundTrip() {
      await channel.send("trip", sources);
      await channel.receive();
    },
    async there() {
      await channel.send({ bytes });
      await channel.receive();
    },
    async back() {
      const { bytes } = await ask("give") as { bytes: Uint8Array };
      if (bytes.length !== ARRAY_BYTES) throw new Error(`only ${bytes.length} bytes arrived`);
    },
  };
}

function socketSide(): Side {
  let missing = 0;
  let onComplete = () => {};
  socket.on("data", ({ length }) => {
    missing -= length;
    if (missing <= 0) onComplete();
  });
  const write = (bytes: Uint8Array, answer: number) =>
    new Promise<void>((resolve) => {
      missing = answer;
      onComplete = resolve;
      socket.write(bytes);
    });
  const small = new Uint8Array(SMALL_BYTES);
  const large = new Uint8Array(ARRAY_BYTES);
  return {
    roundTrip: () => write(small, SMALL_BYTES),
    there: () => write(large, 1),
    back: () => write(small.subarray(0, 1), ARRAY_BYTES),
  };
}

/** The microseconds of a round trip: of the channel with a handle, of the socket without. */
async function compareRoundTrips(): Promise<Pick<ChannelCost, "roundTrip" | "socketRoundTrip">> {
  const count = Math.ceil(roundTrips / BATCHES);
  const time = async ({ roundTrip }: Side) => {
    const start = performance.now();
    for (let at = 0; at < count; at++) await roundTrip();
    return (performance.now() - start) * 1000 / count;
  };
  await ask("echo");
  const times: [number, number][] = [];
  // The first half counts for nothing: after it the engines run optimised code.
  for (let at = -BATCHES; at < BATCHES; at++) {
    const pair: [number, number] = [await time(ofChannel), await time(ofSocket)];
    if (at >= 0) times.push(pair);
  }
  return {
    roundTrip: median(times.map(([time]) => time)),
    socketRoundTrip: median(times.map(([, time]) => time)),
  };
}

/** The handles a second, until the child has received all of them. */
async function stream(sources: readonly number[], total: number): Promise<number> {
  const run = async (messages: number) => {
    const before = await ask("count") as number;
    const start = performance.now();
    for (let at = 0; at < messages; at++) await channel.send("stream", sources);
    const received = await ask("count") as number - before;
    if (received !== messages * sources.length) throw new Error(`only ${received} arrived`);
    return received * 1000 / (performance.now() - start);
  };
  const messages = Math.ceil(total / sources.length);
  await run(Math.ceil(messages / 2));
  return await run(messages);
}

/** The arrays in both directions, in turns. */
async function compareTransfers(): Promise<Pick<ChannelCost, "transfer" | "socketTransfer">> {
  const measured = new Map<Side, { there: Timed[]; back: Timed[] }>(
    [ofChannel, ofSocket].map((side) => [side, { there: [], back: [] }]),
  );
  for (let at = -1; at < arrays; at++) {
    for (const [{ there, back }, times] of measured) {
      await ask("sink");
      const sent = await timed(there);
      await ask("source");
      const received = await timed(back);
      if (at < 0) continue;
      times.there.push(sent);
      times.back.push(received);
    }
  }
  const summarize = (side: Side): Transfer => {
    const { there, back } = measured.get(side)!;
    const perSecond = (times: Timed[]) =>
      ARRAY_BYTES / 2 ** 20 / median(times.map(({ ms }) => ms / 1000));
    // This process sends on the way there and receives on the way back; the child does the reverse.
    return {
      there: perSecond(there),
      back: perSecond(back),
      sendMs: median([...there.map(({ here }) => here), ...back.map(({ child }) => child)]),
      receiveMs: median([...there.map(({ child }) => child), ...back.map(({ here }) => here)]),
    };
  };
  return { transfer: summarize(ofChannel), socketTransfer: summarize(ofSocket) };
}

/** The time of an operation, and the processor time of both processes, in milliseconds. */
interface Timed {
  readonly ms: number;
  readonly here: number;
  readonly child: number;
}

async function timed(run: () => Promise<unknown>): Promise<Timed> {
  const child = await ask("cpu") as number;
  const here = process.cpuUsage();
  const start = performance.now();
  await run();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(here);
  return { ms, here: (user + system) / 1000, child: (await ask("cpu") as number - child) / 1000 };
}
