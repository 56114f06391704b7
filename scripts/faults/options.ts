/** The options of `npm run faults`. */
import { type Runtime, selectRuntimes } from "../runtimes.ts";
import type { Fault } from "./plan.ts";

/** What is to be done. */
export interface Options {
  readonly selected: readonly Runtime[];
  /** Whether every function meets only some of its faults. */
  readonly quick: boolean;
  /** The only line of the table; a beginning of its name will do. */
  readonly subject: string | undefined;
  /** The only fault: `close`, `close:EIO` or `close:EIO:2`. */
  readonly call: string | undefined;
  /** How many victims there are at a time. */
  readonly jobs: number | undefined;
}

const usage =
  "--quick, --runtime=deno|bun|node|node20, --only=FUNCTION, --call=CALL[:ERROR[:WHEN]], " +
  "--jobs=NUMBER";

/** Reads the arguments. */
export function parseOptions(args: readonly string[]): Options {
  const { selected, rest } = selectRuntimes(args);
  let quick = false;
  const values: Record<string, string | undefined> = {};
  for (const arg of rest) {
    const [, name, value] = /^--(only|call|jobs)=(.+)$/.exec(arg) ?? [];
    if (arg === "--quick") quick = true;
    else if (name !== undefined) values[name] = value;
    else throw new Error(`Cannot use ${arg}: the options are ${usage}`);
  }
  const { only, call, jobs } = values;
  return {
    selected,
    quick,
    subject: only,
    call,
    jobs: jobs === undefined ? undefined : Number(jobs),
  };
}

/** Whether the options leave a line of the table. */
export function isWanted({ subject }: Options, name: string): boolean {
  return subject === undefined || name === subject ||
    name.toLowerCase().startsWith(subject.toLowerCase());
}

/** Whether the options leave a fault. */
export function isFaultWanted({ call: wanted }: Options, { call, error, when }: Fault): boolean {
  if (wanted === undefined) return true;
  const [name, code, number] = wanted.split(":");
  return name === call && (code ?? error) === error && Number(number ?? when) === when;
}
