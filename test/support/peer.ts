/** Another process for a test, to talk to: programs/peer.ts. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Actions } from "./programs/peer.ts";
import { commandFor, programPath, root } from "./program.ts";
import { temporaryFolder } from "./system.ts";

/** How long an answer may take before the test is told that it did not come. */
const PATIENCE = 250_000;

/** The first child makes the runtime open what it then keeps. For `beforeAll`. */
export async function startOnce(): Promise<void> {
  await using _ = await Peer.start();
}

/** A process that does what it is told. Its answers go to a file, as those of every program. */
export class Peer implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #folder: { path: string; [Symbol.dispose](): void };
  readonly #answers: string;
  readonly #ended: Promise<void>;
  #read = 0;
  #isOver = false;

  /** @param prefix a command that starts the peer's command, such as setpriv and its arguments */
  private constructor(prefix: readonly string[], env: Readonly<Record<string, string>>) {
    this.#folder = temporaryFolder();
    this.#answers = path.join(this.#folder.path, "answers.txt");
    const output = fs.openSync(this.#answers, "w");
    const script = programPath("support/peer.ts");
    const [command, ...args] = commandFor(script, { prefix });
    this.child = spawn(command as string, args, {
      stdio: ["pipe", output, "inherit"],
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    fs.closeSync(output);
    this.#ended = new Promise((resolve) => {
      this.child.on("close", () => resolve());
      this.child.on("error", () => resolve());
    });
    void this.#ended.then(() => this.#isOver = true);
    this.child.stdin?.on("error", () => {}); // it may have ended
  }

  /** Starts one and waits until it is there. */
  static async start(
    prefix: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Peer> {
    const peer = new Peer(prefix, env);
    await peer.#answer();
    return peer;
  }

  /** Its pid. */
  get pid(): number {
    return this.child.pid as number;
  }

  /** Has it do something, and gives what came of it. Throws what it threw. */
  async do<Name extends keyof Actions>(
    name: Name,
    ...values: Parameters<Actions[Name]>
  ): Promise<Awaited<ReturnType<Actions[Name]>>> {
    this.child.stdin?.write(`${JSON.stringify([name, ...values])}\n`);
    const { value, error } = await this.#answer() as { value: unknown; error?: object };
    if (error !== undefined) throw Object.assign(new Error(), error);
    return value as Awaited<ReturnType<Actions[Name]>>;
  }

  /** Kills it and waits for its end. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#ended;
  }

  /** Lets it end, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin?.end();
    await this.#ended;
    this.#folder[Symbol.dispose]();
  }

  async #answer(): Promise<unknown> {
    const end = Date.now() + PATIENCE;
    for (let wait = 1;; wait = Math.min(wait * 2, 20)) {
      const lines = fs.readFileSync(this.#answers, "utf8").split("\n");
      if (lines.length > this.#read + 1) return JSON.parse(lines[this.#read++] as string);
      if (this.#isOver || Date.now() > end) throw new Error("the other process does not answer");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}
