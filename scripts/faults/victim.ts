/**
 * Calls functions of the library as it is told, one by one, in the runtime under test: it lives long, so
 * that a combination of faults costs no start. Started by victim_process.ts as `victim.ts FOLDER`.
 */
import { Worker } from "node:worker_threads";
import { close, dup } from "duphandle/posix";
import { isHandleError } from "../../test/support/thrown.ts";
import { wrong } from "./subject.ts";
import { subjects, tableProblems } from "./table.ts";

/** What a victim is told to do. */
export type Command =
  | { readonly phase: "table" }
  | { readonly phase: "setup"; readonly subject: string }
  | { readonly phase: "run"; readonly subject: string }
  /** With the descriptors that a failing close has left open in the kernel's place. */
  | { readonly phase: "clean"; readonly subject: string; readonly unclosed: readonly number[] };

/** What it says. */
export interface Answer {
  /** What was thrown; `undefined` when nothing was. */
  readonly thrown?: Thrown;
  /** What is wrong with results, and errors that nothing caught. */
  readonly problems: readonly string[];
  /** For `table`: the lines that this runtime has. */
  readonly subjects?: readonly {
    readonly name: string;
    readonly allThreads: boolean;
    readonly fresh: boolean;
    readonly only?: readonly string[];
  }[];
}

/** An error. */
export interface Thrown {
  readonly isHandleError: boolean;
  readonly name: string;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
  readonly message: string;
}

const runtime = process.argv[3] as string;
const shared = new SharedArrayBuffer(1 << 17);
const state = new Int32Array(shared, 0, 2);
const text = new Uint8Array(shared, 8);
const uncaught: string[] = [];
process.on("uncaughtException", (error) => uncaught.push(`uncaught: ${error.message}`));
process.on("unhandledRejection", (error) => {
  uncaught.push(`unhandled rejection: ${(error as Error)?.message ?? error}`);
});

let current: { state: unknown; result: unknown } = { state: undefined, result: undefined };

function thrownOf(error: unknown): Thrown {
  const { name, code, syscall, message } = error as NodeJS.ErrnoException;
  return { isHandleError: isHandleError(error), name, code, syscall, message };
}

async function obey(command: Command): Promise<Answer> {
  wrong.length = 0;
  if (command.phase === "table") {
    const here = subjects.filter(({ runtimes }) => runtimes?.includes(runtime) ?? true)
      .map(({ name, allThreads, fresh, only }) => ({
        name,
        allThreads,
        fresh,
        ...only === undefined ? {} : { only },
      }));
    return { problems: await tableProblems(), subjects: here };
  }
  const subject = subjects.find(({ name }) => name === command.subject)!;
  try {
    if (command.phase === "setup") {
      current = { state: undefined, result: undefined };
      current.state = await subject.setup();
    } else if (command.phase === "run") {
      const result = subject.run(current.state);
      // A call that waits for nothing must be over when it returns: no turn of the event loop belongs to it.
      current.result = isThenable(result) ? await result : result;
      // What a thread of the pool is doing must be over before strace leaves it.
      if (subject.allThreads) await turns();
    } else {
      for (const fd of command.unclosed) close(fd);
      await subject.clean(current.state, current.result);
      await turns();
    }
  } catch (error) {
    if (subject.allThreads) await turns();
    return { thrown: thrownOf(error), problems: [...wrong, ...uncaught.splice(0)] };
  }
  return { problems: [...wrong, ...uncaught.splice(0)] };
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Lets what is under way end: errors that nothing catches are reported in a later turn. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 2));
}

const line = new Worker(new URL("./line.mjs", import.meta.url), {
  workerData: { shared, pipe: `${process.argv[2]}/answers` },
  execArgv: [],
});
await new Promise((resolve) => line.once("message", resolve));

try {
  dup(0x7fff_ffff);
} catch (error) {
  // The first error loads what errors need; in Deno that takes until the next turns of the event loop.
  thrownOf(error);
}
await turns();

/** Waits by futex(2) alone. The event loop stands still meanwhile. */
for (;;) {
  for (let now = 0; now !== 1; now = Atomics.load(state, 0)) Atomics.wait(state, 0, now);
  const command = JSON.parse(new TextDecoder().decode(text.slice(0, state[1]))) as Command;
  const answer = new TextEncoder().encode(JSON.stringify(await obey(command)));
  text.set(answer);
  state[1] = answer.length;
  Atomics.store(state, 0, 2);
  Atomics.notify(state, 0);
}
