/** A server that is replaced under load, against the same load beside a process that only starts. */
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import { type Part, rotate } from "./part.ts";
import { run } from "./processes.ts";
import { median } from "./timing.ts";
import type { UpgradeCost } from "./upgrade_cost.ts";
import { atMost, type Verdict } from "./verdict.ts";

/** The target: the 99.9th percentile, to that beside a process that only starts. */
const MOST_OF_START = 2;

const UPGRADES = 6;
const ROUNDS = 5;

/** How one kind of server did in one runtime: milliseconds of the 99.9th percentile, and of the longest request. */
export interface UpgradeRow {
  readonly label: string;
  readonly server: string;
  readonly during: number;
  readonly beside: number;
  readonly longestDuring: number;
  readonly longestBeside: number;
  /** The median of the ratios of the 99.9th percentiles of a round. */
  readonly ratio: number;
  readonly target: Verdict;
}

/** A server in a runtime. */
interface Subject {
  readonly label: string;
  readonly server: string;
  readonly command: readonly string[];
}

/** The part that measures upgrades. */
export function upgradesPart(
  found: readonly Runtime[],
  { rounds: wanted, quick }: Options,
): Part<UpgradeRow> {
  const rounds = Math.min(wanted, ROUNDS);
  // One client for all, so that the servers are what differs.
  const { command: client } = found.find(({ name }) => name === "node") ?? found[0]!;
  const script = (name: string) => join(root, "bench", name);
  const subjects = found.flatMap(subjectsOf);
  const measured = new Map<Subject, UpgradeCost[]>(subjects.map((subject) => [subject, []]));
  return {
    name: "upgrades",
    rounds,
    measure(round, announce) {
      for (const subject of rotate(subjects, round, rounds)) {
        const { label, server, command } = subject;
        announce(`${label}, ${server}`);
        const start = [...command, script("upgrade_server.ts"), kindOf(server)];
        const upgrades = String(quick ? 1 : UPGRADES);
        const output = run([
          ...[...client, script("upgrade_client.ts"), upgrades],
          ...[...start, JSON.stringify(start)],
        ]);
        measured.get(subject)?.push(JSON.parse(output) as UpgradeCost);
      }
    },
    summarize: () => [...measured].map(([subject, costs]) => summarize(subject, costs)),
  };
}

function subjectsOf({ name, label, command }: Runtime): Subject[] {
  const native = { deno: ["Deno.serve"], bun: ["Bun.serve"], node: [], node20: [] }[name];
  return ["http.Server", ...native].map((server) => ({ label, server, command }));
}

function kindOf(server: string): string {
  return server === "http.Server" ? "http" : "native";
}

function summarize({ label, server }: Subject, costs: readonly UpgradeCost[]): UpgradeRow {
  const ratio = median(costs.map(({ during, beside }) => during.most / beside.most));
  return {
    label,
    server,
    during: median(costs.map(({ during }) => during.most)),
    beside: median(costs.map(({ beside }) => beside.most)),
    longestDuring: median(costs.map(({ during }) => during.longest)),
    longestBeside: median(costs.map(({ beside }) => beside.longest)),
    ratio,
    target: atMost(MOST_OF_START, "start", ratio),
  };
}
