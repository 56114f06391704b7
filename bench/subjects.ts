/** Who is measured, how each is started, and which ratios are aimed at. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root, type Runtime, type RuntimeName, runtimes } from "../scripts/runtimes.ts";

/** A ratio that the operation "pair" is to stay within. */
export interface Target {
  readonly most: number;
  /** The subject that the ratio is to, by its id. */
  readonly against: string;
}

/** One row of the table. */
export interface Subject {
  readonly id: string;
  /** Who it is, before its version. */
  readonly name: string;
  readonly does: string;
  /** The command, to which the numbers of batches and of operations in a batch are added. */
  readonly command: readonly string[];
  readonly target?: Target;
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
const targets: Readonly<Record<string, Target>> = {
  "bun-posix": { most: 1.10, against: yardstick },
  "bun-verbs": { most: 1.25, against: yardstick },
  "deno-posix": { most: 1.15, against: yardstick },
  "deno-verbs": { most: 1.30, against: yardstick },
  "node-posix": { most: 1, against: byHand },
  "node-verbs": { most: 1, against: byHand },
};

/** The runtimes that are here, and why the others are not. */
export function findRuntimes(): { found: Runtime[]; missing: string[] } {
  const found: Runtime[] = [];
  const missing: string[] = [];
  for (const [name, find] of Object.entries(runtimes)) {
    try {
      found.push(find());
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { found, missing };
}

/** Everything that can be measured here. `loop` is the compiled C program. */
export function listSubjects(loop: string, found: readonly Runtime[]): Subject[] {
  return [
    { id: yardstick, name: "C", does: "two threads", command: [loop, "2"] },
    { id: "c-single", name: "C", does: "one thread", command: [loop, "1"] },
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
    { level: "verbs", does: `duphandle${backend}` },
  ].map(({ level, does }) =>
    withTarget({
      id: `${name}-${level}`,
      name: names[name],
      does,
      command: [...command, script, level],
    })
  );
}

function ofKoffi({ name, command }: Runtime): Subject[] {
  // By hand it is called with the numbers of Linux's headers.
  if (process.platform !== "linux" || (name !== "node" && name !== "node20")) return [];
  const script = join(root, "bench", "koffi.ts");
  return [{
    id: `${name}-koffi`,
    name: names[name],
    does: `koffi ${koffiVersion()} by hand`,
    command: [...command, script],
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
  return [{ id: "python", name: "Python", does: "os.dup, os.dup2", command: ["python3", script] }];
}

function withTarget(subject: Subject): Subject {
  const target = targets[subject.id];
  return target === undefined ? subject : { ...subject, target };
}
