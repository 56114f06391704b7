/**
 * This library and what a program does without it, in turns in one process: `pair_loops.ts PART BATCHES`
 * prints a list of what was compared, with the median nanoseconds of each and the median ratio.
 */
import { spawn as spawnPlain } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import * as posix from "../ffi/posix/mod.ts";
import {
  copyFileHandle,
  copyFileHandleSync,
  duplicate,
  inspectHandle,
  listHandles,
  raiseDescriptorLimit,
  redirect,
  spawn,
} from "../mod.ts";
import { root } from "../scripts/runtimes.ts";
import { median } from "./timing.ts";

/** One thing to do, with this library and without. */
interface Pair {
  readonly name: string;
  readonly against: string;
  /**
   * The calls in a batch. A batch is short, since a process that has used up its time slice on a busy machine
   * waits for the others: most batches do without.
   */
  readonly count: number;
  /** A call takes so long that there are fewer batches, by this factor. */
  readonly fewer?: number;
  /** Makes what both need. */
  readonly prepare?: () => void;
  readonly ours: () => unknown;
  readonly theirs: () => unknown;
}

/** What a pair cost: printed as JSON. */
export interface PairCost extends Pick<Pair, "name" | "against"> {
  readonly ours: number;
  readonly theirs: number;
  /** The median of the ratios of batches that ran one after the other. */
  readonly ratio: number;
}

const MANY = 1000;
const LONG = 20;

const parts: Readonly<Record<string, (fd: number) => Pair[] | Promise<Pair[]>>> = {
  files,
  looking,
  children,
  sockets,
};

const [name = "", batches = ""] = process.argv.slice(2);
const list = parts[name];
if (list === undefined) throw new Error(`Cannot measure ${name}: it must be ${Object.keys(parts)}`);
const path = join(root, "LICENSE");
const fd = fs.openSync(path, "r");
const costs: PairCost[] = [];
for (const pair of await list(fd)) costs.push(await measure(pair, Number(batches)));
console.log(JSON.stringify(costs));

async function measure(
  { name, against, count, fewer = 1, prepare, ours, theirs }: Pair,
  batches: number,
): Promise<PairCost> {
  prepare?.();
  const measured = Math.ceil(batches / fewer);
  const times: [ours: number, theirs: number][] = [];
  // The first half counts for nothing: after it the engines run optimised code.
  for (let at = -measured; at < measured; at++) {
    // Each of the two is the first in every other turn.
    const first = at % 2 === 0 ? await time(ours, count) : undefined;
    const second = await time(theirs, count);
    const pair: [number, number] = [first ?? await time(ours, count), second];
    if (at >= 0) times.push(pair);
  }
  return {
    name,
    against,
    ours: median(times.map(([one]) => one)),
    theirs: median(times.map(([, other]) => other)),
    ratio: median(times.map(([one, other]) => one / other)),
  };
}

/** The nanoseconds of one call. A promise is awaited. */
async function time(call: () => unknown, count: number): Promise<number> {
  const start = performance.now();
  for (let at = 0; at < count; at++) {
    const result = call();
    if (result instanceof Promise) await result;
  }
  return (performance.now() - start) * 1e6 / count;
}

function files(fd: number): Pair[] {
  const target = fs.openSync("/dev/null", "w");
  const redirection = (target: number, flags: number) => ({
    against: "the four calls of duphandle/posix",
    count: 20,
    ours: () => redirect(target, fd).restore(),
    theirs: () => {
      const saved = posix.fcntl_dupfd_cloexec(target, 3);
      posix.dup3(fd, target, flags);
      posix.dup3(saved, target, flags);
      posix.close(saved);
    },
  });
  return [
    {
      name: "copyFileHandleSync + closeSync",
      against: "openSync + closeSync",
      count: 20,
      ours: () => fs.closeSync(copyFileHandleSync(fd)),
      theirs: () => fs.closeSync(fs.openSync(path, "r")),
    },
    {
      name: "copyFileHandle + close",
      against: "fs.promises.open + close",
      count: 10,
      ours: async () => (await copyFileHandle(fd)).close(),
      theirs: async () => (await fs.promises.open(path, "r")).close(),
    },
    { name: "redirect + restore of a file", ...redirection(target, posix.O_CLOEXEC) },
    { name: "redirect + restore of fd 1", ...redirection(1, 0) },
  ];
}

function looking(fd: number): Pair[] {
  const inspects = { name: "inspectHandle", count: 20, ours: () => inspectHandle(fd) };
  raiseDescriptorLimit();
  const others = fs.readdirSync(join(root, "bench")).map((name) => join(root, "bench", name));
  return [
    {
      ...inspects,
      against: "fstat, readlink, fdinfo by node:fs",
      theirs: () => describe(fd, fs.fstatSync(fd)),
    },
    { ...inspects, against: "duplicate + close", theirs: () => duplicate(fd).close() },
    {
      name: `listHandles of ${MANY}`,
      against: "readdir, stat, readlink, fdinfo by node:fs",
      count: 1,
      fewer: LONG,
      prepare: () => {
        for (let at = 0; at < MANY; at++) fs.openSync(others[at % others.length]!, "r");
      },
      ours: () => listHandles(),
      theirs: () => listByFs(),
    },
  ];
}

/** The facts of inspectHandle that a program can find by node:fs: all but `references`. */
function describe(fd: number, { mode, dev, ino }: fs.Stats): object {
  const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
  const text = fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  const [, position, flags] = /^pos:\t(\d+)\nflags:\t(\d+)$/m.exec(text) ?? [];
  return { fd, mode, path, position: Number(position), flags: Number(`0o${flags}`), dev, ino };
}

function listByFs(): object[] {
  const found: object[] = [];
  for (const name of fs.readdirSync("/proc/self/fd")) {
    try {
      found.push(describe(Number(name), fs.statSync(`/proc/self/fd/${name}`)));
    } catch (error) {
      // The descriptor that listed the directory.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return found;
}

function children(fd: number): Pair[] {
  const ends = (child: ReturnType<typeof spawnPlain>) =>
    new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => resolve());
    });
  return [{
    name: "spawn with a handle",
    against: "child_process.spawn with an fd in stdio",
    count: 1,
    fewer: LONG,
    ours: () => ends(spawn("true", [], { stdio: "ignore", handles: { file: fd } })),
    theirs: () => ends(spawnPlain("true", [], { stdio: ["ignore", "ignore", "ignore", fd] })),
  }];
}

async function sockets(): Promise<Pair[]> {
  const server = createServer().listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  const first = duplicate(server);
  const { raw } = first;
  return [{
    name: "duplicate of a net.Server + close",
    // Deno is searched for the descriptor: what tells it makes a duplicate that nobody closes.
    against: "Deno" in globalThis
      ? "the same of its fd, which Deno does not tell"
      : "the same of its fd",
    count: 20,
    ours: () => duplicate(server).close(),
    theirs: () => duplicate(raw).close(),
  }];
}
