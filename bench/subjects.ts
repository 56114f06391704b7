/** The subjects of the part "calls": how each is started, and the targets of each. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root, type Runtime, type RuntimeName, runtimes } from "../scripts/runtimes.ts";
import type { Operation } from "./timing.ts";

/** A ratio that an operation is to stay within. */
export interface Target {
  readonly operation: Operation;
  readonly most: number;
  /** The subject that the ratio is to, by its id. */
  readonly against: string;
}

/** One row of the table. */
export interface Subject {
  readonly id: string;
  /** The runtime or language, without its version. */
  readonly name: string;
  readonly does: string;
  /** The command, to which the numbers of batches and of operations in a batch are added. */
  readonly command: readonly string[];
  readonly targets: readonly Target[];
}

/** The subject that the ratios are to: C with as many threads as any runtime has, more than one. */
export const yardstick = "c-threads";

const names: Readonly<Record<RuntimeName, string>> = {
  deno: "Deno",
  bun: "Bun",
  node: "Node",
  node20: "Node",
};

const byHand = "node-koffi";
const pairTargets: Readonly<Record<string, Omit<Target, "operation">>> = {
  "bun-posix": { most: 1.10, against: yardstick },
  "bun-main": { most: 1.25, against: yardstick },
  "deno-posix": { most: 1.15, against: yardstick },
  "deno-main": { most: 1.30, against: yardstick },
  "node-posix": { most: 1, against: byHand },
  "node-main": { most: 1, against: byHand },
};
/** What `duplicateOnto` may cost, as a ratio to `dup3` of duphandle/posix in the same runtime. */
const MOST_OF_DUP3 = 1.15;

/** Those of the wanted runtimes that are installed, and why the others are not. */
export function findRuntimes(
  wanted: ReadonlySet<RuntimeName>,
): { found: Runtime[]; missing: string[] } {
  const found: Runtime[] = [];
  const missing: string[] = [];
  for (const name of wanted) {
    try {
      found.push(runtimes[name]());
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { found, missing };
}

/** Everything that can be measured here. `loop` is the compiled C program. */
export function listSubjects(loop: string, found: readonly Runtime[]): Subject[] {
  return [
    { id: yardstick, name: "C", does: "two threads", command: [loop, "2"], targets: [] },
    { id: "c-single", name: "C", does: "one thread", command: [loop, "1"], targets: [] },
    ...found.flatMap(ofLibrary),
    ...found.flatMap(ofKoffi),
    ...found.flatMap(ofReopening),
    ...ofPython(),
  ];
}

function ofLibrary({ name, command }: Runtime): Subject[] {
  const script = join(root, "bench", "subject.ts");
  const backend = name === "node20" ? " (koffi)" : "";
  return [
    { level: "posix", does: `duphandle/posix${backend}` },
    { level: "main", does: `duphandle${backend}` },
  ].map(({ level, does }) => ({
    id: `${name}-${level}`,
    name: names[name],
    does,
    command: [...command, script, level],
    targets: targetsOf(name, level),
  }));
}

function targetsOf(name: RuntimeName, level: string): Target[] {
  const pair = pairTargets[`${name}-${level}`];
  const targets: Target[] = pair === undefined ? [] : [{ operation: "pair", ...pair }];
  if (level === "main") {
    targets.push({ operation: "onto", most: MOST_OF_DUP3, against: `${name}-posix` });
  }
  return targets;
}

function ofKoffi({ name, command }: Runtime): Subject[] {
  // The program has the numbers of Linux's headers.
  if (process.platform !== "linux" || (name !== "node" && name !== "node20")) return [];
  const script = join(root, "bench", "koffi.ts");
  return [{
    id: `${name}-koffi`,
    name: names[name],
    does: `koffi ${koffiVersion()} by hand`,
    command: [...command, script],
    targets: [],
  }];
}

function ofReopening({ name, command }: Runtime): Subject[] {
  // What has the same name elsewhere is a plain duplicate (macOS: /dev/fd).
  if (process.platform !== "linux") return [];
  const script = join(root, "bench", "reopen.ts");
  return [{
    id: `${name}-reopen`,
    name: names[name],
    does: "reopen /proc/self/fd",
    command: [...command, script],
    targets: [],
  }];
}

function koffiVersion(): string {
  const file = join(root, "node_modules", "koffi", "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function ofPython(): Subject[] {
  const { status } = spawnSync("python3", ["--version"], { stdio: "ignore" });
  if (status !== 0) return [];
  const script = join(root, "bench", "loop.py");
  return [{
    id: "python",
    name: "Python",
    does: "os.dup, os.dup2",
    command: ["python3", script],
    targets: [],
  }];
}
