/** One combination: the state before, the call with its fault, and the state after. */
import type { Runtime } from "../runtimes.ts";
import { judge, show } from "./judge.ts";
import { type Fault, isSubjectCall } from "./plan.ts";
import { type TracedCall, Tracer } from "./tracer.ts";
import type { Answer } from "./victim.ts";
import { Ended, VictimProcess } from "./victim_process.ts";

/** Something that must not be. */
export interface Finding {
  readonly runtime: Runtime;
  readonly subject: string;
  readonly fault: Fault | undefined;
  readonly problem: string;
}

type Line = NonNullable<Answer["subjects"]>[number];

/** What a combination showed. */
export interface Seen {
  readonly problem: string | undefined;
  /** Whether the fault came to the call. */
  readonly isHit: boolean;
}

/** How often a combination is tried again when the fault comes to another call of the runtime, or to none. */
const ATTEMPTS = 3;
/** How long a runtime may take to close what it closes by itself, in milliseconds. */
const SETTLING = 300;

/** Examines functions in a runtime, in one victim as long as it lives. */
export class Examiner {
  readonly runtime: Runtime;
  #victim: VictimProcess | undefined;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** The calls that a function makes when nothing fails; a text when it fails all the same. */
  async learn(line: Line): Promise<TracedCall[] | string> {
    // The first calls load libraries, compile, and open what the runtime keeps: they show other calls.
    let seen = await this.#round(line, undefined);
    for (let round = 1; !line.fresh && (round < 3 || (round < 5 && seen.problem !== undefined));) {
      seen = await this.#round(line, undefined);
      round++;
    }
    return seen.problem ?? seen.calls;
  }

  /**
   * A call with a fault. What is seen must be seen twice in one victim: a runtime opens this and that for
   * itself, once, and a leak comes again.
   */
  async meet(line: Line, fault: Fault): Promise<Seen> {
    let isSeen = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { problem, calls } = await this.#round(line, fault);
      if (problem !== undefined) {
        if (!isSeen) {
          isSeen = true;
          continue;
        }
        this.end(); // what is wrong now must not disturb what comes next
        return { problem, isHit: true };
      }
      if (calls.some((call) => call.isInjected && isSubjectCall(call))) {
        return { problem: undefined, isHit: true };
      }
    }
    return { problem: undefined, isHit: false };
  }

  end(): void {
    this.#victim?.end();
    this.#victim = undefined;
  }

  async #round(
    line: Line,
    fault: Fault | undefined,
  ): Promise<{ problem: string | undefined; calls: TracedCall[] }> {
    if (line.fresh) this.end();
    const isNew = this.#victim === undefined;
    const victim = this.#victim ??= await VictimProcess.start(this.runtime);
    if (isNew && !line.fresh && fault !== undefined) {
      const learned = await this.learn(line);
      if (typeof learned === "string") return { problem: learned, calls: [] };
    }
    let calls: TracedCall[] = [];
    try {
      const before = stateOf(victim);
      const setUp = await victim.tell({ phase: "setup", subject: line.name });
      if (setUp.thrown !== undefined) {
        return { problem: `set-up throws ${show(setUp.thrown)}`, calls };
      }
      const traced = fault === undefined ? [] : [
        "-e",
        `trace=${fault.call}`,
        "-e",
        `inject=${fault.call}:error=${fault.error}:when=${fault.when}`,
      ];
      const threads = line.allThreads || line.only !== undefined
        ? victim.threads()
        : [victim.mainThread];
      const tracer = await Tracer.attach(threads, traced);
      let ran: Answer;
      try {
        ran = await victim.tell({ phase: "run", subject: line.name });
      } finally {
        calls = await tracer.detach();
      }
      const unclosed = calls.filter(({ name, isInjected }) => name === "close" && isInjected)
        .map(({ text }) => parseInt(text));
      const cleaned = await victim.tell({ phase: "clean", subject: line.name, unclosed });
      const problems = [
        ...ran.thrown === undefined ? [] : [
          fault === undefined ? `throws ${show(ran.thrown)}` : judge(line.name, fault, ran.thrown),
        ],
        ...ran.problems,
        ...cleaned.thrown === undefined ? [] : [`cleaning up throws ${show(cleaned.thrown)}`],
        ...cleaned.problems,
        ...line.fresh ? [] : await differences(victim, before),
      ].filter((problem) => problem !== undefined);
      return { problem: problems.length === 0 ? undefined : problems.join("; "), calls };
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      const { output } = victim;
      this.end();
      const says = output === "" ? "" : `, and says ${output.split("\n").at(-1)}`;
      return { problem: `the process: ${error.message}${says}`, calls };
    } finally {
      if (line.fresh) this.end(); // what it was given is not for the next one
    }
  }
}

/** Examines functions in a runtime. */
export function examine(runtime: Runtime): Examiner {
  return new Examiner(runtime);
}

interface State {
  readonly descriptors: Map<number, string>;
  readonly children: readonly number[];
}

function stateOf(victim: VictimProcess): State {
  return { descriptors: victim.descriptors(), children: victim.children() };
}

/** What is open, or runs, that was not; and the reverse. */
async function differences(victim: VictimProcess, before: State): Promise<string[]> {
  const end = Date.now() + SETTLING;
  for (;;) {
    const found = compare(before, stateOf(victim));
    if (found.length === 0 || Date.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function compare(before: State, after: State): string[] {
  const found: string[] = [];
  for (const [fd, link] of after.descriptors) {
    if (before.descriptors.get(fd) !== link) found.push(`fd ${fd} is left open (${link})`);
  }
  for (const [fd, link] of before.descriptors) {
    if (!after.descriptors.has(fd)) found.push(`fd ${fd} was closed (${link})`);
  }
  for (const pid of after.children) {
    if (!before.children.includes(pid)) found.push(`child ${pid} is left`);
  }
  return found.length > 4 ? [...found.slice(0, 3), `and ${found.length - 3} more`] : found;
}
