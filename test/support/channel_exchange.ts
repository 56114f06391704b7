/**
 * Messages with handles in both directions at once. Whoever receives checks each handle against
 * what the message says of it, and leaves a trace in the object, which the sender finds.
 */
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { type HandleChannel, type JsonValue, OwnedHandle } from "duphandle";
import { next } from "./channel_ends.ts";
import { identity } from "./channel_objects.ts";
import * as linux from "./linux_objects.ts";
import { isWindows, openRaw, pipeRaw, readRaw, temporaryFile, writeRaw } from "./system.ts";
import { socketPair } from "./sockets.ts";

/** What one end saw. */
export interface Tally {
  readonly received: number;
  readonly handles: number;
  /** What was not as it should be; the first few. */
  readonly wrong: readonly string[];
}

/** An object that is sent many times. */
interface Item extends Disposable {
  readonly kind: string;
  readonly source: OwnedHandle;
  sent: number;
  /** How many traces the receiver left. */
  traces(): number;
  /** Makes room for more traces. */
  pull?(): void;
}

const OBJECTS = 24;
const MOST_HANDLES = 3;

function item(kind: string, source: OwnedHandle, others: Disposable[], traces: () => number): Item {
  return {
    kind,
    source,
    sent: 0,
    traces,
    [Symbol.dispose]: () => [source, ...others].forEach((each) => each[Symbol.dispose]()),
  };
}

/** How many bytes there are to read: never so many that the writer had to wait. */
function drain(handle: OwnedHandle, sent: number): number {
  let count = 0;
  while (count < sent) count += readRaw(handle.raw, 1000).length;
  return count;
}

/** What there is to send, by kind; each has the name that the message tells. */
const makers: readonly ((name: string) => Item)[] = [
  (name) => {
    const file = temporaryFile(name);
    const made: Item = item("file", openRaw(file.path, "r+"), [file], () => made.sent);
    return made;
  },
  () => {
    const { reader, writer } = pipeRaw();
    const made: Item = item("pipe", writer, [reader], () => drain(reader, made.sent));
    return made;
  },
  isWindows
    ? () => {
      const event = OwnedHandle.fromRaw(win32.CreateEventW(null, true, false, null));
      const isSet = () => win32.WaitForSingleObject(event.raw, 0) === win32.WAIT_OBJECT_0;
      const made: Item = item("event", event, [], () => isSet() ? made.sent : 0);
      return made;
    }
    : () => {
      const counter = linux.eventfd();
      const made: Item = item("counter", counter, [], () => made.sent > 0 ? count(counter) : 0);
      return made;
    },
  isWindows ? (name) => makers[0]!(name) : () => {
    const [near, far] = socketPair();
    let seen = 0;
    const pull = () => {
      while (linux.isReady(near.raw)) seen += readRaw(near.raw, 1000).length;
      return seen;
    };
    // A socket has room for a few hundred writes only.
    return { ...item("socket", far, [near], pull), pull };
  },
];

function count(counter: OwnedHandle): number {
  const buffer = new Uint8Array(8);
  posix.read(counter.raw, buffer);
  return new DataView(buffer.buffer).getUint32(0, true);
}

/** Uses a handle that arrived; what is wrong with it, if anything. */
function check(handle: OwnedHandle, kind: string, name: string): string | undefined {
  if (kind === "pipe" || kind === "socket") writeRaw(handle.raw, "x");
  else if (kind === "event") win32.SetEvent(handle.raw);
  else if (kind === "counter") posix.write(handle.raw, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
  else {
    if (isWindows) win32.SetFilePointerEx(handle.raw, 0, win32.FILE_BEGIN);
    else posix.lseek(handle.raw, 0, posix.SEEK_SET);
    const content = readRaw(handle.raw, 100);
    if (content !== name) return `${name} has ${content}`;
  }
  return undefined;
}

/** What a message says of a handle; on Windows a file has no number that is cheap to ask. */
function describe({ kind, source }: Item, name: string): JsonValue {
  return { kind, name, identity: isWindows ? "" : identity(source) };
}

/** Sends so many messages and receives as many, at once. */
export async function exchange(
  channel: HandleChannel,
  side: string,
  messages: number,
): Promise<Tally> {
  const wrong: string[] = [];
  const seen = { received: 0, handles: 0 };
  const items = Array.from(
    { length: OBJECTS },
    (_, at) => makers[at % makers.length]!(`${side}${at}`),
  );
  const told = items.map((each, at) => describe(each, `${side}${at}`));

  const sending = (async () => {
    let random = side.length * 7919;
    for (let at = 0; at < messages; at++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const chosen = Array.from(
        { length: (random >>> 16) % (MOST_HANDLES + 1) },
        (_, which) => ((random >>> 8) + which * 5) % OBJECTS,
      );
      const about = chosen.map((which) => told[which] as JsonValue);
      for (const which of chosen) if (++items[which]!.sent % 50 === 0) items[which]!.pull?.();
      await channel.send({ at, about }, chosen.map((which) => items[which]!.source));
    }
  })();
  for (let at = 0; at < messages; at++) {
    using message = await next(channel);
    const { at: theirs, about } = message.message as {
      at: number;
      about: { kind: string; name: string; identity: string }[];
    };
    if (theirs !== at) wrong.push(`message ${theirs} came as number ${at}`);
    if (message.handles.length !== about.length) wrong.push(`handles of message ${at}`);
    about.forEach(({ kind, name, identity: wanted }, which) => {
      const handle = message.handles[which] as OwnedHandle;
      if (!isWindows && identity(handle) !== wanted) wrong.push(`${name} is another object`);
      const fault = check(handle, kind, name);
      if (fault !== undefined) wrong.push(fault);
      seen.handles++;
    });
    seen.received++;
  }
  await sending;
  // Now all of ours is sent, and theirs is received; they say when it is so for them as well.
  await channel.send("done");
  if ((await next(channel)).message !== "done") wrong.push("the end");
  for (const each of items) {
    const traces = each.traces();
    if (traces !== each.sent) wrong.push(`${each.kind}: ${traces} traces of ${each.sent}`);
    each[Symbol.dispose]();
  }
  return { ...seen, wrong: wrong.slice(0, 5) };
}
