/**
 * Has a pool of very many descriptors do random things, and compares every byte and every count with
 * a model of it: `model.ts SEED DESCRIPTORS OPERATIONS LIMIT`.
 */
import * as fs from "node:fs";
import { DescriptorPool, OwnedHandle, type PooledDescriptor } from "duphandle";
import * as posix from "duphandle/posix";
import { tryLock } from "../../support/linux_objects.ts";
import { temporaryFolder } from "../../support/system.ts";
import { descriptorCount, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

// Deno does not survive its own preparations without a free descriptor.
await settled();
const [seed, DESCRIPTORS, OPERATIONS, LIMIT] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
/** No file grows beyond it, and no pipe holds more. */
const MOST = 200;
/** At most this many files are pinned. */
const PINS = 40;

let state = seed;
/** An integer from 0 to below the limit. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
}

interface Pin extends Disposable {
  readonly fd: number;
}

/** What a file should be: bytes at a position, or one end of a pair. */
interface Model {
  readonly file: PooledDescriptor;
  readonly content: { bytes: Uint8Array; size: number } | undefined;
  position: number;
  /** The path of a file whose lock is held. */
  readonly locked: string | undefined;
  /** What waits to be read here. */
  readonly queue: number[];
  other: Model | undefined;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  pin: Pin | undefined;
}

const folder = temporaryFolder();
const openAtFirst = descriptorCount();
const pool = new DescriptorPool({ limit: LIMIT });
const pinned: Model[] = [];
/** Who has a descriptor, the least recently used first. */
const resident = new Set<Model>();
const counts = { hits: 0, faults: 0, operations: 0, closed: 0, locks: 0, ends: 0 };

function fail(what: string): never {
  throw new Error(`seed ${seed}, operation ${counts.operations}: ${what}`);
}

/** What the pool does for a file that is used or added. */
function touch(model: Model): void {
  if (!resident.delete(model) && resident.size === LIMIT) {
    for (const candidate of resident) {
      if (candidate.pin !== undefined) continue;
      resident.delete(candidate);
      break;
    }
  }
  resident.add(model);
}

function used(model: Model): void {
  counts[resident.has(model) ? "hits" : "faults"]++;
  touch(model);
}

function add(raw: number, more: Partial<Model>): Model {
  const file = pool.add(OwnedHandle.fromRaw(raw));
  const model: Model = {
    file,
    content: undefined,
    position: 0,
    locked: undefined,
    queue: [],
    other: undefined,
    mayRead: true,
    mayWrite: true,
    pin: undefined,
    ...more,
  };
  touch(model);
  return model;
}

function bytesOf(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random(256));
}

const { O_CLOEXEC, O_RDWR } = posix;
const { O_CREAT } = fs.constants;
let names = 0;
/** Several descriptors have the same file, each with a position of its own. */
const shared = Array.from({ length: 3000 }, () => {
  const path = `${folder.path}/${names++}`;
  const bytes = new Uint8Array(MOST * 2);
  const size = random(MOST);
  bytes.set(bytesOf(size));
  fs.writeFileSync(path, bytes.subarray(0, size));
  return { path, content: { bytes, size } };
});

/** The files of two neighbouring slots. Their kind follows from the number of the first. */
function make(slot: number): [Model, Model] {
  const kind = (slot >> 1) % 50;
  if (kind < 7) {
    const [reader, writer] = posix.pipe2(O_CLOEXEC);
    return pair(
      add(reader, { mayWrite: false }),
      add(writer, { mayRead: false }),
    );
  }
  if (kind === 7) {
    const { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } = posix;
    const [one, other] = posix.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return pair(add(one, {}), add(other, {}));
  }
  return [makeFile(kind), makeFile(kind)];
}

function pair(one: Model, other: Model): [Model, Model] {
  one.other = other;
  other.other = one;
  return [one, other];
}

function makeFile(kind: number): Model {
  if (kind > 12) {
    const { path, content } = shared[random(shared.length)]!;
    return add(posix.open(path, O_RDWR | O_CLOEXEC), { content });
  }
  const path = `${folder.path}/${names++}`;
  const raw = posix.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600);
  const isLocked = kind === 12;
  if (!isLocked) fs.unlinkSync(path);
  else if (!tryLock(raw)) fail("cannot lock a new file");
  const content = { bytes: new Uint8Array(MOST * 2), size: 0 };
  return add(raw, { content, locked: isLocked ? path : undefined });
}

const buffer = new Uint8Array(MOST * 2);

/** Reads, and compares what comes with what should. */
function read(model: Model, fd: number): void {
  const { content, queue } = model;
  const wanted = 1 + random(30);
  const isEmpty = content === undefined && queue.length === 0;
  if (isEmpty && model.other !== undefined) return; // it would wait
  const expected = content === undefined
    ? queue.splice(0, wanted)
    : content.bytes.subarray(model.position, Math.min(model.position + wanted, content.size));
  const count = fs.readSync(fd, buffer, 0, wanted, null);
  if (count !== expected.length) fail(`read ${count} bytes and not ${expected.length}`);
  for (let at = 0; at < count; at++) if (buffer[at] !== expected[at]) fail(`byte ${at} is wrong`);
  if (content !== undefined) model.position += count;
  if (isEmpty) counts.ends++;
}

function write(model: Model, fd: number): void {
  const { content, other } = model;
  const bytes = bytesOf(1 + random(30));
  if (content === undefined && other === undefined) {
    try {
      fs.writeSync(fd, bytes, 0, bytes.length, null);
    } catch (error) {
      if ((error as { code?: unknown }).code === "EPIPE") return;
      throw error;
    }
    fail("a write with no reader did not fail");
  }
  if (content === undefined ? other!.queue.length > MOST : model.position > MOST) return;
  const count = fs.writeSync(fd, bytes, 0, bytes.length, null);
  if (count !== bytes.length) fail(`wrote ${count} bytes of ${bytes.length}`);
  if (content === undefined) return void other!.queue.push(...bytes);
  content.bytes.set(bytes, model.position);
  model.position += count;
  content.size = Math.max(content.size, model.position);
}

/** One thing with the descriptor of a file. */
function act(model: Model, fd: number): void {
  const what = random(10);
  if (model.locked !== undefined && what === 0) {
    const probe = posix.open(model.locked, O_RDWR | O_CLOEXEC);
    if (tryLock(probe)) fail("the lock is lost");
    posix.close(probe);
    counts.locks++;
  } else if (model.content !== undefined && what < 3) {
    if (posix.lseek(fd, 0, posix.SEEK_CUR) !== model.position) fail("the position is wrong");
    model.position = posix.lseek(fd, random(model.content.size + 1), posix.SEEK_SET);
  } else if (model.mayRead && (what < 6 || !model.mayWrite)) {
    read(model, fd);
  } else write(model, fd);
}

function unpin(at: number): void {
  const [model] = pinned.splice(at, 1);
  model!.pin![Symbol.dispose]();
  model!.pin = undefined;
}

/** Closes the files of two slots, one after the other: who is left sees the end of the other. */
function closeAndAdd(slot: number): void {
  const both = [models[slot]!, models[slot + 1]!];
  if (
    both.some(({ pin, queue, mayWrite }) => pin !== undefined || (mayWrite && queue.length > 0))
  ) {
    return; // a socket that is closed unread would not only end
  }
  if (random(2) === 0) both.reverse();
  const [first, second] = both as [Model, Model];
  first.file.close();
  resident.delete(first);
  second.other = undefined;
  used(second);
  second.file.use((fd) => act(second, fd));
  second.file.close();
  resident.delete(second);
  counts.closed += 2;
  [models[slot], models[slot + 1]] = make(slot);
}

async function operate(): Promise<void> {
  const slot = random(DESCRIPTORS);
  const model = models[slot]!;
  const what = random(100);
  if (what < 5) return closeAndAdd(slot & ~1);
  if (what < 15 && pinned.length > 0) return unpin(random(pinned.length));
  if (what < 25 && pinned.length > 0) {
    const favourite = pinned[random(pinned.length)]!;
    return act(favourite, favourite.pin!.fd);
  }
  used(model);
  if (what < 35 && model.pin === undefined && pinned.length < PINS) {
    model.pin = model.file.pin();
    pinned.push(model);
  } else if (what < 37) {
    await model.file.use(async (fd) => {
      await null;
      act(model, fd);
    });
  } else model.file.use((fd) => act(model, fd));
}

/** Every byte of every file. */
function compare(model: Model): void {
  used(model);
  model.file.use((fd) => {
    const { content, queue } = model;
    if (content === undefined && (queue.length === 0 || !model.mayRead)) return;
    const expected = content?.bytes.subarray(0, content.size) ?? Uint8Array.from(queue);
    const count = fs.readSync(fd, buffer, 0, buffer.length, content === undefined ? null : 0);
    if (Buffer.compare(buffer.subarray(0, count), expected) !== 0) fail("a file is wrong");
  });
}

const models: Model[] = [];
for (let slot = 0; slot < DESCRIPTORS; slot += 2) models.push(...make(slot));
for (; counts.operations < OPERATIONS; counts.operations++) await operate();
while (pinned.length > 0) unpin(0);
models.forEach(compare);
const { stats } = pool;
if (stats.hits !== counts.hits || stats.faults !== counts.faults) {
  fail(`${JSON.stringify(stats)} and not ${JSON.stringify(counts)}`);
}
const openNow = descriptorCount();
await pool[Symbol.asyncDispose]();
const left = descriptorCount() - openAtFirst;
folder[Symbol.dispose]();
report({ ...counts, resident: stats.resident, parked: stats.parked, openNow, left });
