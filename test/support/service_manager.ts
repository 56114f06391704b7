/** Service managers: one that receives messages and stores handles, and systemd's that starts on a connection. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import * as readline from "node:readline";
import { commandFor, hasCommand, programPath, root } from "./program.ts";
import { temporaryFolder } from "./system.ts";

const isLinux = process.platform === "linux";

/** Whether the manager can run here: it is written in Python. */
export const hasManager: boolean = isLinux && hasCommand("python3");

/** Whether systemd's own program for socket activation is here: CI installs it. */
export const canActivate: boolean = isLinux && hasCommand("systemd-socket-activate");

/** A message as the manager has received it. */
export interface Received {
  readonly state: string;
  readonly fds: number;
  readonly pid: number;
  readonly whole: boolean;
}

/** The process of manager.py, which ends with its input. */
export class ServiceManager implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;
  readonly #folder: Disposable;
  /** The value of `NOTIFY_SOCKET`. */
  readonly address: string;

  private constructor(isAbstract: boolean) {
    const folder = temporaryFolder();
    this.#folder = folder;
    this.address = isAbstract
      ? `@duphandle-test-${crypto.randomUUID()}`
      : path.join(folder.path, "notify");
    const script = programPath("systemd/manager.py");
    this.#child = spawn("python3", ["-B", script, this.address], {
      cwd: root,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ended = once(this.#child, "close");
    this.#child.stdin!.on("error", () => {}); // it may have ended
    this.#lines = readline.createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts one, and waits until it receives. */
  static async start(isAbstract: boolean = false): Promise<ServiceManager> {
    const manager = new ServiceManager(isAbstract);
    await manager.#answer();
    return manager;
  }

  /** Reads the next messages. */
  async receive(count: number): Promise<Received[]> {
    return await this.#run({ receive: count }) as Received[];
  }

  /** The names of what is stored, and the time in microseconds. */
  async state(): Promise<{ stored: string[]; now: number }> {
    return await this.#run({}) as { stored: string[]; now: number };
  }

  /** Writes to a stored descriptor. */
  async write(name: string, text: string): Promise<void> {
    await this.#run({ write: name, text });
  }

  /** Starts a process with what is stored, and gives its pid. */
  async exec(command: readonly string[], env: Record<string, string> = {}): Promise<number> {
    return await this.#run({ start: command, env }) as number;
  }

  /** Waits for the end of a process that it has started, and gives its status: 0 when all went well. */
  async ended(pid: number): Promise<number> {
    return await this.#run({ wait: pid }) as number;
  }

  /** Kills a process that it has started, and waits for its end. */
  async kill(pid: number): Promise<void> {
    await this.#run({ end: pid });
  }

  async #run(command: object): Promise<unknown> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    return await this.#answer();
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the manager has ended");
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
    this.#folder[Symbol.dispose]();
  }
}

/** What `systemd-socket-activate` starts: options of its own, and the command after them. */
export interface Activation {
  /** Options, such as `--listen=…`. */
  readonly options: readonly string[];
  readonly command: readonly string[];
  readonly cwd?: string;
}

/** The process of `systemd-socket-activate`, which is killed in the end with the one that it has become. */
export class Activated implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #folder: { readonly path: string } & Disposable;
  #output = "";

  constructor({ options, command, cwd = root }: Activation) {
    const folder = temporaryFolder();
    this.#folder = folder;
    // It passes on four variables of its own environment, and those that are listed.
    const variables = Object.entries({ ...process.env, DUPHANDLE_RESULT: this.#result })
      .filter(([name]) => /^(?:DUPHANDLE|NODE|DENO)_/.test(name))
      .map(([name, value]) => `--setenv=${name}=${value}`);
    const args = [...options, ...variables, ...command];
    this.#child = spawn("systemd-socket-activate", args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#ended = once(this.#child, "close");
    const add = (data: unknown) => void (this.#output += String(data));
    this.#child.stdout!.on("data", add);
    this.#child.stderr!.on("data", add);
  }

  get #result(): string {
    return path.join(this.#folder.path, "result.json");
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it and its program have written. */
  get output(): string {
    return this.#output;
  }

  /** Waits until it listens on so many sockets. */
  async listening(count: number): Promise<void> {
    while (this.#output.split("Listening on ").length - 1 < count) await this.#more();
  }

  /** Waits for its end, and gives what the program has reported. */
  async ended(): Promise<unknown> {
    await this.#ended;
    return this.reported();
  }

  /** What the program has reported by now. */
  reported(): unknown {
    if (!fs.existsSync(this.#result)) throw new Error(`it wrote:\n${this.#output}`);
    return JSON.parse(fs.readFileSync(this.#result, "utf8"));
  }

  async #more(): Promise<void> {
    if (this.#child.exitCode !== null) throw new Error(`it wrote:\n${this.#output}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
    this.#folder[Symbol.dispose]();
  }
}

/**
 * Starts one that listens at a free port, and waits until it does. systemd does not choose a port by itself, and
 * another process may take one that was free.
 */
export async function activateAtPort(
  make: (port: number) => Activation,
  count: number,
): Promise<{ activated: Activated; port: number }> {
  for (let tries = 0;; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000); // below those that the kernel chooses
    const activated = new Activated(make(port));
    try {
      await activated.listening(count);
      return { activated, port };
    } catch (error) {
      await activated[Symbol.asyncDispose]();
      if (tries === 50 || !String(error).includes("in use")) throw error;
    }
  }
}

/** The command that starts a program of the tests in the runtime that runs the test. */
export function serviceCommand(name: string, ...args: readonly string[]): string[] {
  return commandFor(programPath(`systemd/${name}`), { args });
}
