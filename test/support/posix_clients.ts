/** Clients and servers of Linux that speak the wire format by the system's own calls. */
import { once } from "node:events";
import * as posix from "duphandle/posix";
import { acceptFrom, connectIfNotFull, connectTo } from "../../ffi/posix/unix_socket.ts";
import { receiveRights, sendBytes } from "../../ffi/posix/rights.ts";
import { helloFrame } from "../../src/channel/frames.ts";
import { createToken, Role, writePreamble } from "../../src/channel/posix_preamble.ts";
import { defaultLimits } from "../../src/channel/types.ts";
import { type ChildProcess, spawn } from "node:child_process";
import { commandFor, programPath, root } from "./program.ts";

/** Wakes the server up. */
export function ring(at: string): void {
  const socket = connectIfNotFull(`${at}.bell`);
  if (socket !== undefined) posix.close(socket);
}

/** The two connections of a client. They are closed in the end. */
export class RawClient implements Disposable {
  readonly stream: number;
  readonly handles: number;

  constructor(at: string) {
    this.stream = connectTo(at);
    this.handles = connectTo(at);
  }

  /** Says what the connections are for, and hello. */
  introduce(at: string, pid: number = process.pid): this {
    const token = createToken();
    sendBytes(this.stream, writePreamble(Role.Stream, token));
    sendBytes(this.handles, writePreamble(Role.Handles, token));
    sendBytes(this.stream, helloFrame({ pid, limits: defaultLimits }));
    ring(at);
    return this;
  }

  [Symbol.dispose](): void {
    posix.close(this.stream);
    posix.close(this.handles);
  }
}

/** Waits until there is something, and lets this process go on meanwhile. */
export async function until<Value>(look: () => Value | undefined | false): Promise<Value> {
  for (let wait = 1;; wait = Math.min(2 * wait, 20)) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Waits for the next bytes of a socket; "end" when the other side has hung up. */
export function heard(socket: number): Promise<Uint8Array | "end"> {
  return until(() => {
    const rights = receiveRights(socket, 32);
    return typeof rights === "object" ? rights.data : rights;
  });
}

/** Waits for the next client of a socket that listens. */
export async function accepted(listener: number): Promise<number> {
  const client = await until(() => acceptFrom(listener));
  if ("errno" in client) throw new Error(`accept4 failed with ${client.errno}`);
  return client.fd;
}

/** Whether the other end of a socket is closed. */
export function isHungUp(socket: number): boolean {
  const state: posix.PollFd = { fd: socket, events: 0 };
  posix.poll([state], 0);
  return (state.revents! & posix.POLLHUP) !== 0;
}

/** A server that is a process of its own, programs/posix_server.ts. It ends with its input. */
export class ServerProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #output = "";
  #isOver = false;

  constructor(at: string, prefix: readonly string[] = []) {
    const script = programPath("channel/posix_server.ts");
    const [command, ...args] = commandFor(script, { prefix, args: [at] });
    this.child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"], cwd: root });
    this.child.stdin!.on("error", () => {}); // it may have ended
    this.child.stdout!.on("data", (data) => this.#output += String(data));
    this.#ended = once(this.child, "close");
    void this.#ended.then(() => this.#isOver = true);
  }

  /** Has it do something. */
  tell(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  /** Waits until it has written one of the lines. */
  async says(...lines: readonly string[]): Promise<string> {
    return await until(() => {
      const said = this.#output.split("\n").slice(0, -1);
      const found = lines.find((line) => said.includes(line));
      if (found === undefined && this.#isOver) throw new Error(`it wrote:\n${this.#output}`);
      return found;
    });
  }

  /** How often it has written a line. */
  count(line: string): number {
    return this.#output.split("\n").filter((each) => each === line).length;
  }

  /** Waits for its end. */
  async ended(): Promise<unknown[]> {
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin!.end();
    await this.#ended;
  }
}
