/** A hostile peer in a process of its own, and the program that it attacks: hostile*.test.ts. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as readline from "node:readline";
import type { HandleChannel, HandleMessage, JsonValue, OwnedHandle } from "duphandle";
import { isHandleError } from "./thrown.ts";
import { hasCommand, programPath, root } from "./program.ts";
import { positionOf, readRaw } from "./system.ts";

/** Whether the peer can run here: it is written in Python, and for Linux. */
export const canBeHostile: boolean = process.platform === "linux" && hasCommand("python3");

/** What the program that uses the library is to see of a scenario: hostile_scenarios.py has the words. */
export interface Scenario {
  readonly name: string;
  readonly role: "client" | "listener";
  readonly expect: "refused" | "protocol" | "end" | "works" | "any";
  readonly app: "use" | "quiet" | "idle" | "flood" | "close";
  readonly options: Readonly<Record<string, number>>;
}

/** How a scenario ended for the peer. */
export interface PeerEnd {
  readonly pid: number;
  readonly end: string;
}

const python = ["python3", "-B", programPath("channel/hostile_peer.py")] as const;

/** The scenarios of a role. */
export function scenarios(role: Scenario["role"]): Scenario[] {
  if (!canBeHostile) return [];
  const { stdout } = spawnSync(python[0], [...python.slice(1), "list"], { encoding: "utf8" });
  return (JSON.parse(stdout) as Scenario[]).filter((each) => each.role === role);
}

/** The process of the peer. */
export class HostilePeer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#child = spawn(python[0], python.slice(1), {
      cwd: root,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = readline.createInterface({ input: this.#child.stdout! });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Plays a scenario of a client to its end. */
  async play(name: string, path: string, seed: number): Promise<PeerEnd> {
    this.#command({ run: ["client", name], path, seed });
    return await this.#answer() as PeerEnd;
  }

  /** Plays a scenario of a listener; gives its end once it listens. */
  async listen(name: string, path: string, seed: number): Promise<{ end: Promise<PeerEnd> }> {
    this.#command({ run: ["listener", name], path, seed });
    const first = await this.#answer() as PeerEnd;
    const end = "end" in first ? Promise.resolve(first) : this.#answer() as Promise<PeerEnd>;
    return { end };
  }

  /** Plays so many scenarios of the names, several at a time; gives how often each end was. */
  async crowd(
    crowd: readonly string[],
    path: string,
    count: number,
    seed: number,
  ): Promise<Record<string, number>> {
    this.#command({ crowd, path, count, parallel: 6, seed });
    return (await this.#answer() as { tally: Record<string, number> }).tally;
  }

  #command(command: object): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the hostile peer has ended");
    return JSON.parse(value as string);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const over = once(this.#child, "close");
    this.#child.stdin!.end();
    await over;
  }
}

/** The text of a file, and that of the one that belongs to the message. */
export interface WrongFile {
  readonly found: string;
  readonly expected: string;
}

/** What the program that is attacked saw. */
export class Seen {
  /** What each `receive` gave: "message", "end", or the code of an error. */
  readonly received: string[] = [];
  /** The codes of the errors of `send`. */
  readonly sent: string[] = [];
  readonly pids: (number | undefined)[] = [];
  /** Handles that were other files than their message says. */
  readonly wrongFiles: WrongFile[] = [];
  /** What is no `HandleError`. */
  readonly foreign: unknown[] = [];

  /** The code of an error. */
  codeOf(error: unknown): string {
    if (isHandleError(error)) return error.code;
    this.foreign.push(error);
    return "foreign";
  }
}

/** Uses a channel in the way of a scenario until it has ended. */
export async function useChannel(
  channel: HandleChannel,
  app: Scenario["app"],
  file: OwnedHandle,
  isPeerOver: Promise<unknown>,
  seen: Seen,
): Promise<void> {
  seen.pids.push(channel.pid);
  const send = (message: JsonValue, handles: OwnedHandle[] = []) =>
    channel.send(message, handles).catch((error) => seen.sent.push(seen.codeOf(error)));
  const sends: Promise<unknown>[] = [];
  if (app === "use") {
    sends.push(send({ a: 1 }), send("two", [file, file]), send(new Uint8Array(1000)));
  } else if (app === "flood") {
    for (let at = 0; at < 200; at++) sends.push(send(new Uint8Array(1 << 16), [file]));
  } else if (app === "close") await send("one", [file]);
  else if (app === "idle") await isPeerOver;
  if (app !== "flood" && app !== "close") await receiveAll(channel, seen);
  await channel.close();
  await Promise.all(sends);
}

async function receiveAll(channel: HandleChannel, seen: Seen): Promise<void> {
  for (let more = true; more;) {
    try {
      using received = await channel.receive();
      more = received !== undefined;
      seen.received.push(more ? "message" : "end");
      if (received !== undefined) checkFiles(received, seen);
    } catch (error) {
      seen.received.push(seen.codeOf(error));
      more = !channel.closed;
    }
  }
}

/** A message `{"file":"A"}` says that its handles are the files `A0`, `A1`, … */
function checkFiles({ message, handles }: HandleMessage, seen: Seen): void {
  const name = (message as { file?: unknown } | null)?.file;
  if (typeof name !== "string") return;
  for (const [at, { raw }] of handles.entries()) {
    const text = readRaw(raw, 100);
    const expected = `${name}${at}`;
    if (text !== expected) seen.wrongFiles.push({ found: text, expected });
  }
}

/** Has a channel of this process carry a file there and back, until it is stopped. */
export async function exchangeUntil(
  { near, far }: { near: HandleChannel; far: HandleChannel },
  file: OwnedHandle,
  isOver: () => boolean,
): Promise<number> {
  let count = 0;
  do {
    await near.send({ count }, [file]);
    using there = await far.receive();
    const [copy] = there?.handles ?? [];
    if (copy === undefined || positionOf(copy.raw) !== positionOf(file.raw)) {
      throw new Error("it came to nothing");
    }
    await far.send(there!.message, [copy]);
    using back = await near.receive();
    if ((back?.message as { count: number }).count !== count++) {
      throw new Error("another message came back");
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  } while (!isOver());
  return count;
}
