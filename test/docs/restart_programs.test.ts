/** The programs of the guide about restarts, as people run them: by signals, and under a service manager. */
import { spawn as spawnCommand } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn } from "duphandle";
import { describe, expect, test } from "vitest";
import { isAlive } from "../support/generations.ts";
import { ask, makeListener } from "../support/listeners.ts";
import { commandFor, root } from "../support/program.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { hasManager, ServiceManager } from "../support/service_manager.ts";
import { temporaryFolder } from "../support/system.ts";
import { WebConnection } from "../support/web_connection.ts";

const host = "127.0.0.1";

function example(name: string): string {
  return path.join(root, "examples", name);
}

/** Clients that send one request after the other, each on a connection of its own. */
class Load {
  readonly answers: Set<string> = new Set();
  readonly failed: string[] = [];
  readonly #clients: readonly Promise<void>[];
  #goesOn = true;

  constructor(port: number) {
    this.#clients = Array.from({ length: 4 }, () => this.#run(port));
  }

  /** Waits until this was answered. */
  async until(answer: string): Promise<void> {
    while (!this.answers.has(answer) && this.failed.length === 0) await pause();
  }

  /** Ends the clients, and says what has failed. */
  async end(): Promise<string[]> {
    this.#goesOn = false;
    await Promise.all(this.#clients);
    return this.failed;
  }

  async #run(port: number): Promise<void> {
    while (this.#goesOn && this.failed.length === 0) {
      try {
        this.answers.add(await ask({ host, port }));
      } catch (error) {
        this.failed.push(String(error));
      }
    }
  }
}

/** Ends all processes of a group with itself, or with this process. */
class Guard implements AsyncDisposable {
  readonly #child;
  readonly #ended: Promise<unknown>;

  constructor(group: number) {
    this.#child = spawnCommand("sh", ["-c", `read _; kill -KILL -${group} 2>/dev/null; true`], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#ended = once(this.#child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
  }
}

/** A program that runs in a folder of its own. */
class Running implements AsyncDisposable {
  readonly pid: number;
  /** Fulfilled with its exit code. */
  readonly ended: Promise<number | null>;
  readonly #folder = temporaryFolder();
  readonly #listener = makeListener("TCP4");
  readonly #output: number;
  readonly #guard: Guard;

  constructor(name: string, args: readonly string[] = []) {
    this.#output = fs.openSync(this.file("output.txt"), "a");
    const [program, ...rest] = commandFor(example(name), { args });
    const child = spawn(program!, rest, {
      cwd: this.#folder.path,
      env: { ...process.env, NO_COLOR: "1", PORT: "0" },
      stdio: ["ignore", this.#output, this.#output],
      detached: true, // a group of its own
      handles: { http: this.#listener.handle },
    });
    this.ended = once(child, "exit").then(([code]) => code);
    this.pid = child.pid!;
    this.#guard = new Guard(this.pid);
  }

  /** The port of the handle `http`. */
  get port(): number {
    return (this.#listener.address as { port: number }).port;
  }

  get output(): string {
    return fs.readFileSync(this.file("output.txt"), "utf8");
  }

  file(name: string): string {
    return path.join(this.#folder.path, name);
  }

  /** Waits until it, or a newer process, has written this. */
  async until(words: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const hasEnded = this.#hasEnded;
      const found = words.exec(this.output);
      if (found !== null) return found;
      if (hasEnded) throw new Error(`all have ended, and wrote:\n${this.output}`);
      await pause();
    }
  }

  /** Whether there is no process of the group any more. */
  get #hasEnded(): boolean {
    try {
      return !process.kill(-this.pid, 0);
    } catch {
      return true;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guard[Symbol.asyncDispose]();
    await this.ended;
    fs.closeSync(this.#output);
    this.#listener[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** The servers of a supervisor that have not ended. */
function serversOf(pid: number): number[] {
  return fs.readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => fs.readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
    .filter((text) => text !== "").map(Number).filter(isAlive)
    // A loader of the runtime may be a child, too.
    .filter((child) => fs.readFileSync(`/proc/${child}/cmdline`, "utf8").includes("supervisor.ts"));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

describe.runIf(process.platform === "linux")("examples/restart.ts", () => {
  test("is replaced by SIGHUP without losing a request, and ends by SIGTERM", async () => {
    await using server = new Running("restart.ts");
    await server.until(/^generation 0 serves$/m);
    const pidOf = () => Number(fs.readFileSync(server.file("server.pid"), "utf8"));
    const load = new Load(server.port);
    await load.until("generation 0");
    for (const generation of [1, 2]) {
      process.kill(pidOf(), "SIGHUP");
      await server.until(new RegExp(`^generation ${generation} serves$`, "m"));
      await server.until(new RegExp(`^generation ${generation - 1} ends, 0 connections`, "m"));
      await load.until(`generation ${generation}`);
    }
    expect(await load.end()).toEqual([]);
    expect(await server.ended).toBe(0);
    const last = pidOf();
    process.kill(last, "SIGTERM");
    await server.until(/^generation 2 ends, 0 connections were cut off$/m);
    while (isAlive(last)) await pause();
    expect(fs.existsSync(server.file("server.pid"))).toBe(false);
  });

  test("ends at once by a second signal", async () => {
    await using server = new Running("restart.ts");
    await server.until(/^generation 0 serves$/m);
    const connection = new WebConnection({ host, port: server.port });
    expect((await connection.ask("")).body).toBe("generation 0");
    connection.send("GET / HTTP/1.1\r\n");
    process.kill(server.pid, "SIGINT");
    while (fs.existsSync(server.file("server.pid"))) await pause();
    expect(server.output).not.toContain("ends"); // it waits for the rest of the request
    process.kill(server.pid, "SIGINT");
    await connection.closed;
    expect(connection.received).toBe("");
    expect(await server.ended).toBe(0);
    await server.until(/^generation 0 ends, \d connections were cut off$/m);
  });
});

describe.runIf(process.platform === "linux")("examples/supervisor.ts", () => {
  const others = runtimeCommands().filter(({ name }) => name !== "node20");
  test.each(others)("has $name take over, and replaces what crashes", async ({ command }) => {
    await using supervisor = new Running("supervisor.ts", command);
    const port = Number((await supervisor.until(/"port":(\d+)/))[1]);
    await supervisor.until(/^generation 0 serves$/m);
    const load = new Load(port);
    await load.until("generation 0");
    process.kill(supervisor.pid, "SIGHUP");
    await supervisor.until(/^generation 0 ends, 0 connections were cut off$/m);
    await load.until("generation 1");
    expect(await load.end()).toEqual([]);

    while (serversOf(supervisor.pid).length > 1) await pause(); // the first one is about to end
    process.kill(serversOf(supervisor.pid)[0]!, "SIGKILL");
    expect(await ask({ host, port })).toBe("generation 2");
    process.kill(supervisor.pid, "SIGTERM");
    await supervisor.until(/^generation 2 ends, 0 connections were cut off$/m);
    expect(await supervisor.ended).toBe(0);
  });

  test("starts one server when the one before crashes meanwhile", async () => {
    await using supervisor = new Running("supervisor.ts");
    await supervisor.until(/^generation 0 serves$/m);
    const [first] = serversOf(supervisor.pid);
    process.kill(supervisor.pid, "SIGHUP");
    while (serversOf(supervisor.pid).length < 2) await pause();
    process.kill(first!, "SIGKILL");
    await supervisor.until(/^generation 1 serves$/m);
    process.kill(supervisor.pid, "SIGTERM");
    await supervisor.until(/^generation 1 ends, 0 connections were cut off$/m);
    expect(await supervisor.ended).toBe(0);
    expect(supervisor.output).not.toContain("generation 2");
  });
});

/** The command of the service, in a group of its own. */
function serviceCommand(): string[] {
  return ["setsid", ...commandFor(example("restart_service.ts"))];
}

describe.runIf(hasManager)("examples/restart_service.ts", () => {
  test("is replaced by SIGHUP, and its clients wait when it crashes", async () => {
    await using manager = await ServiceManager.start();
    const states = async (count: number) =>
      (await manager.receive(count)).map(({ pid, state }) => `${pid}: ${state}`);

    const first = await manager.exec(serviceCommand(), { PORT: "0" });
    await using _ = new Guard(first);
    const [stored, status, ready] = await states(3);
    expect(stored).toBe(`${first}: FDSTORE=1\nFDNAME=web`);
    expect(ready).toBe(`${first}: READY=1\nMAINPID=${first}`);
    const port = Number(/"port":(\d+)/.exec(status!)?.[1]);
    const load = new Load(port);
    await load.until("generation 0");
    process.kill(first, "SIGHUP");
    const [reloading, replaced] = await states(2);
    expect(reloading).toContain(`${first}: RELOADING=1\n`);
    const newer = Number(/MAINPID=(\d+)/.exec(replaced!)?.[1]);
    expect(replaced).toBe(`${first}: READY=1\nMAINPID=${newer}`);
    expect(newer).not.toBe(first);
    expect(await manager.ended(first)).toBe(0);
    await load.until("generation 1");
    expect(await load.end()).toEqual([]);

    process.kill(newer, "SIGKILL");
    const waiting = ask({ host, port }); // the manager has the socket
    const next = await manager.exec(serviceCommand());
    await using _next = new Guard(next);
    expect(await waiting).toBe("generation 0");
    expect(await states(1)).toEqual([`${next}: READY=1\nMAINPID=${next}`]);
    process.kill(next, "SIGTERM");
    expect(await states(1)).toEqual([`${next}: STOPPING=1`]);
    expect(await manager.ended(next)).toBe(0);
  });
});
