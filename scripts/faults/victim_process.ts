/** A victim as a process: how it is started, told and looked at from outside. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Socket } from "node:net";
import { root, type Runtime } from "../runtimes.ts";
import type { Answer, Command } from "./victim.ts";

/** How long a call may take, in milliseconds. None comes near it. */
const PATIENCE = 10_000;
/** The same for a start, which reads all modules. */
const START_PATIENCE = 60_000;

/** A victim ended, or did not answer. */
export class Ended extends Error {}

/** One victim. */
export class VictimProcess {
  readonly runtime: Runtime;
  readonly #folder: string = mkdtempSync(join(tmpdir(), "duphandle-faults-"));
  readonly #process: ChildProcess;
  readonly #answers: Socket;
  #lineThread = 0;
  #unread = "";
  #onLine: ((line: string | Ended) => void) | undefined;
  #end: string | undefined;

  private constructor(runtime: Runtime) {
    this.runtime = runtime;
    // Deno opens a pipe by its name, and takes no descriptor that it did not open.
    const pipe = join(this.#folder, "answers");
    execFileSync("mkfifo", [pipe]);
    this.#answers = new Socket({ fd: openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK) });
    const script = join(root, "scripts", "faults", "victim.ts");
    const [command, ...args] = [...runtime.command, script, this.#folder, runtime.name];
    const output = openSync(join(this.#folder, "output"), "w");
    const passed = openSync("/dev/null", "r"); // fd 3, for listenFds()
    this.#process = spawn(command as string, args, {
      cwd: root,
      stdio: ["pipe", output, output, passed],
      env: { ...process.env, NO_COLOR: "1" },
    });
    closeSync(output);
    closeSync(passed);
    this.#process.stdin!.on("error", () => {}); // its end is seen by "exit"
    this.#answers.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#process.on("exit", (code, signal) => {
      this.#end = `it ended with ${signal ?? code}`;
      this.#onLine?.(new Ended(this.#end));
    });
  }

  /** Starts a victim and waits until it can be told what to do. */
  static async start(runtime: Runtime): Promise<VictimProcess> {
    const victim = new VictimProcess(runtime);
    try {
      victim.#lineThread = Number(await victim.#nextLine(START_PATIENCE));
      return victim;
    } catch (error) {
      const output = victim.output;
      victim.end();
      throw new Error(`${runtime.label}: ${(error as Error).message}\n${output}`);
    }
  }

  /** What it has printed. */
  get output(): string {
    return readFileSync(join(this.#folder, "output"), "utf8").trim();
  }

  /** The thread that runs JavaScript. */
  get mainThread(): number {
    return this.#process.pid as number;
  }

  /** All threads but the one that takes commands. */
  threads(): number[] {
    return readdirSync(`/proc/${this.mainThread}/task`).map(Number)
      .filter((thread) => thread !== this.#lineThread);
  }

  /** Its open descriptors, with what each refers to. */
  descriptors(): Map<number, string> {
    const folder = `/proc/${this.mainThread}/fd`;
    const found = new Map<number, string>();
    for (const name of readdirSync(folder)) {
      try {
        found.set(Number(name), readlinkSync(`${folder}/${name}`));
      } catch {
        // It has been closed in the meantime.
      }
    }
    return found;
  }

  /** The pids of its children. */
  children(): number[] {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ", 1)[0]) === this.mainThread;
      } catch {
        return false;
      }
    }).map(Number);
  }

  /**
   * Has it do something.
   *
   * @throws {Ended} when it ends or does not answer
   */
  async tell(command: Command): Promise<Answer> {
    const answer = this.#nextLine(PATIENCE);
    this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
    return JSON.parse(await answer) as Answer;
  }

  /** Ends it. */
  end(): void {
    for (const pid of this.#end === undefined ? this.children() : []) process.kill(pid, "SIGKILL");
    this.#process.kill("SIGKILL");
    this.#answers.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #nextLine(patience: number): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(new Ended(this.#end));
      const timer = setTimeout(() => this.#onLine?.(new Ended("it did not return")), patience);
      this.#onLine = (line) => {
        clearTimeout(timer);
        this.#onLine = undefined;
        if (typeof line === "string") resolve(line);
        else reject(line);
      };
    });
  }

  #read(text: string): void {
    this.#unread += text;
    const end = this.#unread.indexOf("\n");
    if (end < 0) return;
    const line = this.#unread.slice(0, end);
    this.#unread = this.#unread.slice(end + 1);
    this.#onLine?.(line);
  }
}
