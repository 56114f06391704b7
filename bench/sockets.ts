/** Servers that adopted their socket, against the same ones that bound it. */
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import { type Part, rotate } from "./part.ts";
import { run } from "./processes.ts";
import type { ServerCost } from "./socket_cost.ts";
import { median } from "./timing.ts";
import { atLeast, type LeastVerdict } from "./verdict.ts";

/** The target: requests a second, as a part of those of a server that bound its socket. */
const LEAST_OF_BOUND = 0.95;

const TURNS = 4;
const REQUESTS = 6000;
const QUICK_REQUESTS = 200;

/** How one kind of server did in one runtime. */
export interface SocketRow extends ServerCost {
  readonly label: string;
  readonly target: LeastVerdict;
}

/** The part that measures servers. */
export function socketsPart(
  found: readonly Runtime[],
  { rounds, quick }: Options,
): Part<SocketRow> {
  const amounts = [quick ? 1 : TURNS, quick ? QUICK_REQUESTS : REQUESTS].map(String);
  // One client for all, so that the servers are what differs.
  const { command: client } = found.find(({ name }) => name === "node") ?? found[0]!;
  const script = (name: string) => join(root, "bench", name);
  const measured = new Map<string, ServerCost[][]>(found.map(({ label }) => [label, []]));
  return {
    name: "sockets",
    rounds,
    measure(round, announce) {
      for (const { label, command } of rotate(found, round, rounds)) {
        announce(label);
        const output = run([
          ...[...command, script("socket_server.ts"), ...amounts],
          ...[...client, script("socket_client.ts")],
        ]);
        measured.get(label)?.push(JSON.parse(output) as ServerCost[]);
      }
    },
    summarize: () =>
      [...measured].flatMap(([label, own]) =>
        own[0]?.map((_, at) => summarize(label, own.map((costs) => costs[at]!))) ?? []
      ),
  };
}

function summarize(label: string, costs: readonly ServerCost[]): SocketRow {
  const { server, by } = costs[0]!;
  const ratio = median(costs.map((cost) => cost.ratio));
  return {
    label,
    server,
    by,
    adopted: median(costs.map(({ adopted }) => adopted)),
    bound: median(costs.map(({ bound }) => bound)),
    ratio,
    target: atLeast(LEAST_OF_BOUND, "bound", ratio),
  };
}
