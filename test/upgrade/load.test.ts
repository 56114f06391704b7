/** Servers of every runtime take the place of this one's and give it back, under a load that never pauses. */
import { beforeAll, describe, expect, test } from "vitest";
import { canHave, webServers } from "../support/drained_servers.ts";
import { Generations, serverScript } from "../support/generations.ts";
import type { ListenerKind } from "../support/listeners.ts";
import { startOnce } from "../support/peer.ts";
import { commandFor } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { WebLoad } from "../support/web_load.ts";

/** How many answers come from each generation at least before the next one starts. */
const ANSWERS = rounds(1000);
/** How many generations follow one another in a row. */
const IN_A_ROW = 10;

/** A program that serves. */
interface Program {
  /** The runtime. */
  readonly runtime: string;
  readonly kind: string;
  /** What comes before its arguments. */
  readonly command: readonly string[];
}

/** The kinds of servers of all runtimes. */
const programs: readonly Program[] = runtimeCommands().flatMap(({ name, command }) =>
  ["node:http", ...name === "deno" ? ["Deno.serve"] : [], ...name === "bun" ? ["Bun.serve"] : []]
    .map((kind): Program => ({ runtime: name, kind, command: [...command, serverScript] }))
);

/** Has each of these programs take the place of the one before, and expects that no request is lost. */
async function expectNothingLost(
  family: ListenerKind,
  first: string,
  next: readonly Pick<Program, "kind" | "command">[],
): Promise<void> {
  await using server = new Generations({ kind: first, family });
  let { pid } = await server.until("ready", 0);
  const load = new WebLoad(server.address, 2);
  try {
    for (const [generation, { kind, command }] of next.entries()) {
      await answered(load, pid);
      const [executable, ...args] = [...command, ...server.argsFor(kind)];
      server.replace(pid, { command: executable, args });
      const { newer } = await server.until("upgraded", generation);
      const { cut } = await server.until("drained", generation);
      expect(cut, `generation ${generation}`).toBe(0);
      pid = newer as number;
    }
    await answered(load, pid);
  } finally {
    await load.stop();
  }
  expect(load.lost).toEqual([]);
  expect(load.answers.size).toBe(next.length + 1);
}

/** Waits until the process has answered so often. */
async function answered(load: WebLoad, pid: number): Promise<void> {
  while ((load.answers.get(String(pid)) ?? 0) < ANSWERS && load.lost.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.runIf(process.platform === "linux")("no request is lost", () => {
  beforeAll(startOnce);

  const pairs = webServers.flatMap(({ name }) => programs.map((program) => ({ name, ...program })));

  test.each(pairs)("from $name to $kind of $runtime, and back", async ({ name, ...program }) => {
    const own = { kind: name, command: commandFor(serverScript) };
    await expectNothingLost("TCP4", name, [program, own]);
  });

  test.each(webServers)("ten times in a row: $name", async ({ name }) => {
    const family = canHave(name, "Unix") ? "Unix" : "TCP6";
    const own = { kind: name, command: commandFor(serverScript) };
    await expectNothingLost(family, name, Array.from({ length: IN_A_ROW }, () => own));
  });
});
