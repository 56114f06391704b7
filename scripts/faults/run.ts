/**
 * `npm run faults`: every function of the library, while each system call that it makes fails in each way
 * that matters, in each runtime. Each must succeed or throw the error of that call, and leave nothing behind.
 *
 * strace makes the calls fail in a process that lives through many of them, since a start for each would take
 * longer than all the rest. Which calls a function makes is read from a trace of it, so a new one is met by
 * itself.
 */
import { availableParallelism } from "node:os";
import { canTrace } from "../../test/support/trace.ts";
import type { Runtime } from "../runtimes.ts";
import { isFaultWanted, isWanted, type Options, parseOptions } from "./options.ts";
import { examine, type Finding } from "./examine.ts";
import { faultsOf, isMeaningful, partOf } from "./plan.ts";
import { VictimProcess } from "./victim_process.ts";
import type { Answer } from "./victim.ts";

type Line = NonNullable<Answer["subjects"]>[number];

/** A line of the table in one runtime. */
interface Task {
  readonly runtime: Runtime;
  readonly line: Line;
  readonly at: number;
}

const options: Options = parseOptions(process.argv.slice(2));
if (!canTrace) {
  console.log("Cannot make system calls fail here: it needs Linux and strace, which may trace");
  process.exit(process.platform === "linux" ? 1 : 0);
}
const begin = Date.now();
const findings: Finding[] = [];
let combinations = 0;
let missed = 0;
const counts = new Map<string, number>();

const tasks: Task[] = [];
for (const runtime of options.selected) {
  const victim = await VictimProcess.start(runtime);
  const { subjects = [], problems } = await victim.tell({ phase: "table" });
  victim.end();
  for (const problem of new Set(problems)) {
    findings.push({ runtime, subject: "the table", fault: undefined, problem });
  }
  subjects.forEach((line, at) => {
    if (isWanted(options, line.name)) tasks.push({ runtime, line, at });
  });
}
if (tasks.length === 0) throw new Error(`Cannot find ${options.subject} in the table`);

async function work(): Promise<void> {
  let examiner: ReturnType<typeof examine> | undefined;
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
    const { runtime, line, at } = task;
    if (examiner?.runtime !== runtime) {
      examiner?.end();
      examiner = examine(runtime);
    }
    const learned = await examiner.learn(line);
    if (typeof learned === "string") {
      findings.push({ runtime, subject: line.name, fault: undefined, problem: learned });
      continue;
    }
    const all = faultsOf(learned, line.only).filter((fault) => isMeaningful(line.name, fault));
    const chosen = (options.quick ? partOf(all, at + options.selected.indexOf(runtime)) : all)
      .filter((fault) => isFaultWanted(options, fault));
    const found: Finding[] = [];
    for (const fault of chosen) {
      const { problem, isHit } = await examiner.meet(line, fault);
      combinations++;
      counts.set(runtime.name, (counts.get(runtime.name) ?? 0) + 1);
      if (!isHit) missed++;
      if (problem !== undefined) found.push({ runtime, subject: line.name, fault, problem });
    }
    findings.push(...found);
    for (const alike of grouped(found)) print(alike);
  }
  examiner?.end();
}

/** Those that differ in the error alone. */
function grouped(found: readonly Finding[]): Finding[][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of found) {
    const place = `${finding.fault?.call} ${finding.fault?.when}`;
    groups.set(place, [...groups.get(place) ?? [], finding]);
  }
  return [...groups.values()];
}

/** Prints findings that differ in the error alone, with the command that repeats the first of them. */
function print(alike: readonly Finding[]): void {
  const { runtime, subject, fault, problem } = alike[0]!;
  const where = `${runtime.name}: ${subject}`;
  if (fault === undefined) return console.log(`${where}: ${problem}`);
  const { call, error, when } = fault;
  const codes = alike.map((each) => each.fault!.error).join(", ");
  console.log(
    `${where}, ${call} ${when}, ${codes}: ${problem.slice(0, 400)}\n` +
      `    npm run faults -- --runtime=${runtime.name} --only=${JSON.stringify(subject)} ` +
      `--call=${call}:${error}:${when}`,
  );
}

const jobs = Math.min(options.jobs ?? availableParallelism(), tasks.length);
await Promise.all(Array.from({ length: jobs }, work));
for (const finding of findings) if (finding.fault === undefined) print([finding]);
const byRuntime = [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
console.log(
  `${combinations} combinations (${byRuntime}) in ${Math.round((Date.now() - begin) / 1000)} s, ` +
    `${missed} of them did not come to the call; ${findings.length} flagged`,
);
process.exitCode = findings.length === 0 ? 0 : 1;
