/**
 * A hostile client of a server that the test is, over a named pipe: `windows_hostile.ts path pid
 * polite|rude what …`. One that is polite does not hang up before the other side.
 *
 * - `attacks`: says everything that it should not, one attack after the other, and after each of them has a
 *   good conversation. It reports the names of those after which the server had not hung up.
 * - `cut step`: has a good conversation, and is killed when it has made so many steps.
 * - `mutate seed count`: has so many good conversations of which some bytes are others.
 */
import * as win32 from "duphandle/win32";
import { Random } from "../../support/channel_fuzz.ts";
import { report } from "../../support/report.ts";
import {
  ACK,
  BYE,
  CHALLENGE,
  MESSAGE,
  PROOF,
  u32,
  WireClient,
  wireFrame,
  wireHandles,
  wireHello,
  wireMessage,
} from "../../support/windows_wire.ts";
import { attacks } from "./windows_attacks.ts";

const [path = "", server = "", manners, what, ...rest] = process.argv.slice(2);
const isRude = manners === "rude";
const listener = win32.OpenProcess(win32.PROCESS_DUP_HANDLE, false, Number(server));
const event = win32.CreateEventW(null, true, false, null);

/** A conversation as it should be: the server signals the event, and says that it has heard. */
async function converse(): Promise<void> {
  win32.ResetEvent(event);
  const client = await proved();
  client.say(wireMessage('"signal it"', [], 1), wireHandles(0, event));
  await client.hear(MESSAGE);
  const isSignalled = win32.WaitForSingleObject(event, 0) === win32.WAIT_OBJECT_0;
  if (!isSignalled) throw new Error("the server did not do what it should");
  client.say(wireFrame(ACK, u32(1, 0)), wireFrame(BYE));
  await client.over();
}

/** A client that has proved its pid. */
async function proved(): Promise<WireClient> {
  for (;;) {
    const client = await WireClient.open(path);
    client.say(wireHello());
    if (await client.prove(listener)) return client;
    await client.gone(); // it was sent away
  }
}

async function attack(): Promise<string[]> {
  const stayed: string[] = [];
  for (const { name, stage, said, ending } of attacks(event, Number(server))) {
    if (ending === "leaves" && !isRude) continue;
    const client = stage === "proved" ? await proved() : await WireClient.open(path);
    if (stage === "greeted") client.say(wireHello());
    client.say(...said);
    if (ending === "leaves") client.leave();
    const isOver = await Promise.race([
      client.over().then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 30_000)),
    ]);
    if (!isOver) stayed.push(name);
    client.leave();
    await converse();
  }
  return stayed;
}

/** Is killed in the middle of a conversation. */
async function cut(steps: number): Promise<void> {
  let step = 0;
  const next = async () => {
    if (step++ < steps) return;
    await new Promise((resolve) => setTimeout(resolve, 100)); // what was said is written
    win32.TerminateProcess(-1, 0);
  };
  const client = await WireClient.open(path);
  await next();
  client.say(wireHello().subarray(0, 13));
  await next();
  client.say(wireHello().subarray(13));
  await next();
  client.say(wireFrame(CHALLENGE, u32(event)));
  await next();
  await client.prove(listener);
  await next();
  const message = wireMessage('"signal it"', [], 2);
  client.say(message.subarray(0, 7));
  await next();
  client.say(message.subarray(7));
  await next();
  client.say(wireHandles(0, event));
  await next();
  client.say(wireHandles(1, event));
  await next();
  await client.hear(MESSAGE);
  await next();
  client.say(wireFrame(BYE));
  await next();
}

/** Some bytes of what is said are others. */
function spoil(bytes: Uint8Array, random: Random): Uint8Array {
  const spoiled = Uint8Array.from(bytes);
  for (let more = 1 + random.below(3); more > 0; more--) {
    const at = random.below(spoiled.length);
    spoiled[at] = random.below(2) === 0 ? random.below(256) : spoiled[at]! ^ 1 << random.below(8);
  }
  return spoiled;
}

async function mutate(random: Random): Promise<void> {
  const client = await WireClient.open(path);
  // Which of its frames are spoiled: one, or several.
  const chosen = random.below(8);
  let at = 0;
  const say = (bytes: Uint8Array) => {
    const isSpoiled = at++ === chosen || random.below(8) === 0;
    const said = isSpoiled ? spoil(bytes, random) : bytes;
    const split = random.below(said.length);
    client.say(said.subarray(0, split), said.subarray(split));
    return isSpoiled;
  };
  let isWhole = !say(wireHello());
  if (isWhole && random.below(2) === 0) isWhole = !say(wireFrame(CHALLENGE, u32(event)));
  if (isWhole) {
    const challenge = await client.hear(CHALLENGE);
    if (challenge === undefined) return await client.gone();
    const value = challenge.readInt32LE();
    const copy = win32.DuplicateHandle(listener, value, -1, [0], 0, false, 2);
    if (!say(wireFrame(PROOF, u32(copy)))) await client.hear(PROOF);
    win32.CloseHandle(copy);
  }
  say(wireMessage('{"a":[1,{"\u007f":0}]}', [random.bytes(20)], 0));
  say(wireMessage('"signal it"', [], 3));
  say(wireHandles(0, event, event));
  say(wireHandles(1, event));
  say(wireFrame(ACK, u32(0, 0)));
  say(wireFrame(BYE));
  if (isRude && random.below(4) === 0) client.leave();
  // More than any frame may have, so that the server waits for no more of this one.
  else client.say(new Uint8Array(40_000).fill(255));
  await client.over();
}

if (what === "attacks") {
  await converse();
  const stayed = await attack();
  // What the server has taken of this process is closed.
  while (win32.NtQueryObject(event).HandleCount > 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  report({ stayed });
} else if (what === "cut") {
  await cut(Number(rest[0]));
} else {
  const [seed, count] = rest.map(Number) as [number, number];
  for (let at = 0; at < count; at++) {
    await mutate(new Random(seed + at));
    if (at % 50 === 0) await converse();
  }
  await converse();
  while (win32.NtQueryObject(event).HandleCount > 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  report({ conversations: count });
}
win32.CloseHandle(event);
win32.CloseHandle(listener);
