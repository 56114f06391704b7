/** What a line of the table is: a function of the library, and how it is called under faults. */
import { readlinkSync } from "node:fs";

/** How a function is called. */
export interface Parts<State, Result> {
  /** Makes what the call needs. Nothing fails yet. */
  readonly setup: () => State;
  /** The call under test. */
  readonly run: (state: Awaited<State>) => Result;
  /** Closes what the call has made, `undefined` when it threw, and what `setup` has made. */
  readonly clean: (state: Awaited<State>, result: Awaited<Result> | undefined) => unknown;
  /** The runtimes that have it; all by default. */
  readonly runtimes?: readonly string[];
  /**
   * Whether faults are injected into all threads of the runtime, because a part of the work is done in
   * its thread pool, and not only into the one that runs JavaScript.
   */
  readonly allThreads?: boolean;
  /** Whether each call needs a new process, because the function does its work once in a process. */
  readonly fresh?: boolean;
  /** The only system calls that are made to fail, `close /file>` for those with such an argument, and why. */
  readonly only?: { readonly calls: readonly string[]; readonly reason: string };
}

/** A line of the table. */
export interface Subject {
  readonly name: string;
  /** The exports that it covers: `duplicate`, `OwnedHandle.fromRaw`, `OwnedHandle#close`. */
  readonly covers: readonly string[];
  readonly runtimes: readonly string[] | undefined;
  readonly allThreads: boolean;
  readonly fresh: boolean;
  readonly only: readonly string[] | undefined;
  setup(): unknown;
  run(state: unknown): unknown;
  clean(state: unknown, result: unknown): unknown;
}

/** Makes a line of the table. */
export function subject<State, Result>(
  name: string,
  covers: string | readonly string[],
  { setup, run, clean, runtimes, allThreads = false, fresh = false, only }: Parts<State, Result>,
): Subject {
  return {
    name,
    covers: typeof covers === "string" ? [covers] : covers,
    runtimes,
    allThreads,
    fresh,
    only: only?.calls,
    setup,
    run: (state) => run(state as Awaited<State>),
    clean: (state, result) => clean(state as Awaited<State>, result as Awaited<Result> | undefined),
  };
}

/** What is wrong with the results of the last call. */
export const wrong: string[] = [];

/** Notes that a result is not what it must be. */
export function check(isRight: boolean, what: string): void {
  if (!isRight) wrong.push(what);
}

/** Checks what a descriptor refers to. */
export function checkFile(fd: number, path: string): void {
  let found: string;
  try {
    found = readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    found = (error as Error).message;
  }
  check(found === path, `fd ${fd} is ${found} and not ${path}`);
}
