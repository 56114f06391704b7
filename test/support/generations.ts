/** A server that a test replaces while clients use it: test/upgrade/programs/server.ts. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { OwnedHandle, spawn, type UpgradeStartOptions } from "duphandle";
import { O_CLOEXEC, pipe2, poll, POLLHUP } from "duphandle/posix";
import { root } from "../../scripts/runtimes.ts";
import { type Listener, type ListenerKind, makeListener } from "./listeners.ts";
import { commandFor, programPath } from "./program.ts";
import { temporaryFolder } from "./system.ts";

/** What a generation logs. */
export interface LoggedEvent {
  readonly event: string;
  readonly generation: number;
  readonly pid: number;
  readonly [detail: string]: unknown;
}

/** How the first generation is started. */
export interface GenerationsOptions {
  /** What comes before the arguments of the server. Default: the runtime of the test. */
  readonly command?: readonly string[];
  /** One of the web servers of drained_servers.ts. Default: that of node:http. */
  readonly kind?: string;
  readonly family?: ListenerKind;
  /** Options of `Upgrade.start`. */
  readonly start?: UpgradeStartOptions;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The program of the server. */
export const serverScript: string = programPath("upgrade/server.ts");

/** Whether a process has not ended: one that its parent has not waited for yet has. */
export function isAlive(pid: number): boolean {
  try {
    const status = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(status.slice(status.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** The generations of one server. Disposing of it ends all. */
export class Generations implements AsyncDisposable {
  readonly address: Listener["address"];
  readonly folder: string;
  readonly child: ChildProcess;
  /** The arguments of the server, for another command that starts it. */
  readonly args: readonly string[];
  /** Fulfilled when the first generation has ended. */
  readonly ended: Promise<unknown>;
  readonly #remove: () => void;
  readonly #listener: Listener;
  readonly #log: string;
  readonly #leash: OwnedHandle;
  readonly #alive: OwnedHandle;
  readonly #output: number;

  /** @param choose the options, or what makes them in the folder of the log */
  constructor(choose: GenerationsOptions | ((folder: string) => GenerationsOptions) = {}) {
    const folder = temporaryFolder();
    this.folder = folder.path;
    const options = typeof choose === "function" ? choose(this.folder) : choose;
    const { command, kind = "node:http", family = "TCP4" } = options;
    const { start = {}, env = {}, cwd = root } = options;
    this.#remove = () => folder[Symbol.dispose]();
    this.#log = path.join(this.folder, "log.txt");
    fs.writeFileSync(this.#log, "");
    this.#output = fs.openSync(path.join(this.folder, "output.txt"), "a");
    this.#listener = makeListener(family);
    this.address = this.#listener.address;
    const [leash, holder, watcher, alive] = [...pipe2(O_CLOEXEC), ...pipe2(O_CLOEXEC)]
      .map((fd) => OwnedHandle.fromRaw(fd)) as [OwnedHandle, OwnedHandle, OwnedHandle, OwnedHandle];
    this.#leash = holder;
    this.#alive = watcher;
    const all = [...command ?? commandFor(serverScript)];
    const { pidFile } = start;
    const settings = {
      minReadyTime: 50,
      ...start,
      ...pidFile === undefined ? {} : { pidFile: path.join(this.folder, pidFile) },
    };
    this.args = [this.#log, kind, JSON.stringify({ port: 0 }), JSON.stringify(settings)];
    this.child = spawn(all[0]!, [...all.slice(1), ...this.args], {
      stdio: ["ignore", this.#output, this.#output],
      env: { ...process.env, NO_COLOR: "1", ...env },
      cwd,
      handles: { http: this.#listener.handle, leash, alive },
    });
    this.ended = once(this.child, "exit");
    for (const handle of [this.#listener.handle, leash, alive]) handle.close();
  }

  /** The file that one with BEHAVIOUR=wait waits for. */
  get goFile(): string {
    return `${this.#log}.go`;
  }

  /** What was logged until now. */
  get events(): LoggedEvent[] {
    return fs.readFileSync(this.#log, "utf8").split("\n").slice(0, -1)
      .map((line) => JSON.parse(line) as LoggedEvent);
  }

  /** What the processes wrote. */
  get output(): string {
    return fs.readFileSync(path.join(this.folder, "output.txt"), "utf8");
  }

  /** Waits for an event, or for the one of a generation. */
  async until(event: string, generation?: number): Promise<LoggedEvent> {
    for (;;) {
      const hasEnded = this.hasEnded;
      const found = this.events.findLast((each) =>
        each.event === event && (generation === undefined || each.generation === generation)
      );
      if (found !== undefined) return found;
      const failed = this.events.find((each) => {
        const wanted = generation ?? each.generation;
        // -1 is a new process that does not know yet which generation it is.
        const isWanted = each.generation === wanted || (each.generation === -1 && wanted > 0);
        return each.event === "uncaught" && isWanted;
      });
      if (failed !== undefined) {
        throw new Error(`generation ${failed.generation}: ${failed["message"]}`);
      }
      if (hasEnded) {
        throw new Error(`all have ended without ${event} ${generation}:\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Whether all generations have ended. */
  get hasEnded(): boolean {
    const entry = { fd: this.#alive.raw, events: 0, revents: 0 };
    poll([entry], 0);
    return (entry.revents & POLLHUP) !== 0;
  }

  /** Waits until all generations have ended. */
  async end(): Promise<void> {
    while (!this.hasEnded) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** The arguments of the server as another kind. */
  argsFor(kind: string): string[] {
    return this.args.map((arg, at) => at === 1 ? kind : arg);
  }

  /** Has a process start the next generation. */
  replace(pid: number, options?: object): void {
    const next = `${this.#log}.next`;
    fs.rmSync(next, { force: true });
    if (options !== undefined) fs.writeFileSync(next, JSON.stringify(options));
    process.kill(pid, "SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leash.close();
    await this.ended;
    await this.end();
    this.#alive.close();
    fs.closeSync(this.#output);
    this.#listener[Symbol.dispose](); // removes its path
    this.#remove();
  }
}
