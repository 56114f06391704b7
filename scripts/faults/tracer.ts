/** strace(1), attached to threads that run already. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A system call in the log of strace. */
export interface TracedCall {
  readonly thread: number;
  readonly name: string;
  /** Its arguments and its result as strace writes them. */
  readonly text: string;
  readonly isInjected: boolean;
}

const folder = mkdtempSync(join(tmpdir(), "duphandle-strace-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** One strace. */
export class Tracer {
  readonly #strace: ChildProcess;
  readonly #log: string;
  readonly #threads: readonly number[];
  readonly #ended: Promise<unknown>;

  private constructor(threads: readonly number[], options: readonly string[]) {
    this.#log = join(folder, String(count++));
    this.#threads = threads;
    const attached = threads.flatMap((thread) => ["-p", String(thread)]);
    this.#strace = spawn(
      "strace",
      // A short text of each argument, and what descriptors refer to.
      ["-y", "-s", "32", "-e", "signal=none", "-o", this.#log, ...options, ...attached],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#ended = new Promise((resolve) => this.#strace.once("close", resolve));
  }

  /** Attaches to threads; they are traced when it resolves. */
  static async attach(threads: readonly number[], options: readonly string[]): Promise<Tracer> {
    const tracer = new Tracer(threads, options);
    await new Promise<void>((resolve, reject) => {
      let said = "";
      tracer.#strace.stderr!.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        // One line for each thread, also for one that has ended by now.
        if (said.split("\n").length > threads.length) resolve();
      });
      tracer.#strace.once("error", reject);
      tracer.#strace.once("exit", () => reject(new Error(`Cannot trace: strace said: ${said}`)));
    });
    return tracer;
  }

  /** Ends the tracing and returns the calls. */
  async detach(): Promise<TracedCall[]> {
    this.#strace.kill("SIGINT");
    await this.#ended;
    const text = readFileSync(this.#log, "utf8");
    rmSync(this.#log);
    return parse(text, this.#threads);
  }
}

/** Reads a log. strace writes the thread only when there are several. */
function parse(log: string, threads: readonly number[]): TracedCall[] {
  const calls: TracedCall[] = [];
  const unfinished = new Map<number, { name: string; text: string }>();
  for (const line of log.split("\n")) {
    const [, digits, rest = ""] = /^(?:(\d+) +)?(.*)$/.exec(line)!;
    const thread = digits === undefined ? threads[0]! : Number(digits);
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest);
    const begun = /^(\w+)\((.*)$/.exec(rest);
    if (resumed !== null) {
      const begin = unfinished.get(thread);
      if (begin === undefined) continue; // it was under way when strace came
      unfinished.delete(thread);
      calls.push(callOf(thread, begin.name, begin.text + resumed[2]!));
    } else if (begun !== null) {
      const [, name, text] = begun as unknown as [string, string, string];
      if (text.endsWith(" <unfinished ...>")) {
        unfinished.set(thread, { name, text: text.slice(0, -" <unfinished ...>".length) });
      } else calls.push(callOf(thread, name, text));
    }
  }
  return calls;
}

function callOf(thread: number, name: string, text: string): TracedCall {
  return { thread, name, text, isInjected: text.endsWith("(INJECTED)") };
}
