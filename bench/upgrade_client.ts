/**
 * The client of upgrade_server.ts: `upgrade_client.ts UPGRADES SERVER…` starts the server by its command, sends
 * requests at a steady pace, and prints how long they took while the server was replaced, and while a process only
 * started. A request that fails is an error. The time of each begins when it is due, so that it counts for all
 * requests when the server stands still.
 */
import { once } from "node:events";
import { Agent, get } from "node:http";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { OwnedHandle, spawn } from "../mod.ts";
import { O_CLOEXEC, pipe2 } from "../ffi/posix/mod.ts";
import { BODY } from "./socket_cost.ts";
import type { Latencies, UpgradeCost } from "./upgrade_cost.ts";

/** Requests in a millisecond, and the connections that they share in turn, so that none is idle for long. */
const PACE = 0.5;
const CONNECTIONS = 16;
const WARM_UP_MS = 1000;
/** The pause after each, in milliseconds. */
const PAUSE_MS = 200;

const [upgrades = "", ...command] = process.argv.slice(2);
const [leash, hand] = pipe2(O_CLOEXEC).map((fd) => OwnedHandle.fromRaw(fd));
const child = spawn(command[0]!, command.slice(1), {
  stdio: ["ignore", "pipe", "inherit"],
  handles: { leash: leash! },
});
const ended = once(child, "exit");
leash!.close();
const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();

/** The times of the requests that were due since it was emptied, in milliseconds. */
let times: number[] = [];
let open = 0;
let goesOn = true;

const [pid, port] = await line("ready");
let current = pid!;
const load = run(
  port!,
  new Agent({ keepAlive: true, maxSockets: CONNECTIONS, scheduling: "fifo" }),
);
await sleep(WARM_UP_MS);
const found: Record<keyof UpgradeCost, number[]> = { during: [], beside: [] };
// The first one counts for nothing: it fills caches.
for (let at = -1; at < Number(upgrades); at++) {
  const start = performance.now();
  const during = await record(async () => {
    process.kill(current, "SIGHUP");
    current = (await line("ready"))[0]!;
    const [cutOff] = await line("ended");
    if (cutOff !== 0) throw new Error(`${cutOff} connections were cut off`);
  });
  const took = performance.now() - start;
  await sleep(PAUSE_MS);
  const beside = await record(async () => {
    process.kill(current, "SIGUSR2");
    await Promise.all([line("started"), sleep(took)]);
  });
  await sleep(PAUSE_MS);
  if (at < 0) continue;
  found.during.push(...during);
  found.beside.push(...beside);
}
goesOn = false;
await load;
hand!.close(); // when this process ends, the servers end with it
await ended;
const cost: UpgradeCost = { during: summarize(found.during), beside: summarize(found.beside) };
console.log(JSON.stringify(cost));
process.exit();

/** The numbers of the next line, which begins with this word. */
async function line(word: string): Promise<number[]> {
  const { value, done } = await lines.next();
  const [first, ...rest] = done === true ? [] : String(value).split(" ");
  if (first !== word) throw new Error(`The server printed ${value} in place of ${word}`);
  return rest.map(Number);
}

/** The times of all requests that are due while this goes on. */
async function record(action: () => Promise<void>): Promise<number[]> {
  const recorded: number[] = [];
  times = recorded;
  await action();
  times = [];
  return recorded;
}

/** Sends requests until the end, and waits for the last answer. */
async function run(port: number, agent: Agent): Promise<void> {
  const start = performance.now();
  for (let sent = 0; goesOn; await sleep(1)) {
    for (; sent < (performance.now() - start) * PACE; sent++) {
      request(port, agent, start + sent / PACE, times);
    }
  }
  while (open > 0) await sleep(1);
}

function request(port: number, agent: Agent, due: number, into: number[]): void {
  open++;
  get({ port, host: "127.0.0.1", agent }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part) => text += part).on("error", fail);
    response.on("end", () => {
      if (text !== BODY) fail(new Error(`The server answered ${text}`));
      into.push(performance.now() - due);
      open--;
    });
  }).on("error", fail);
}

function fail(error: Error): never {
  console.error(error);
  process.exit(1);
}

function summarize(all: readonly number[]): Latencies {
  const sorted = all.toSorted((left, right) => left - right);
  const most = sorted[Math.ceil(sorted.length * 0.999) - 1] ?? NaN;
  return { requests: sorted.length, most, longest: sorted.at(-1) ?? NaN };
}
