/** Servers of every runtime follow one another on a socket, under a load that never pauses. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { type ChildFiles, childFiles } from "../support/child_files.ts";
import { type Listener, makeListener } from "../support/listeners.ts";
import { startOnce } from "../support/peer.ts";
import { programPath } from "../support/program.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { WebLoad } from "../support/web_load.ts";

const script = programPath("socket/drained.ts");
/** How many answers come from each server at least before the next one starts. */
const ANSWERS = 100;

/** The kinds of servers, and the command of the runtime of each. */
const kinds = runtimeCommands().flatMap(({ name, command }) => [
  { name: "node:http", runtime: name, command },
  ...name === "deno" ? [{ name: "Deno.serve", runtime: name, command }] : [],
  ...name === "bun" ? [{ name: "Bun.serve", runtime: name, command }] : [],
]);

type Kind = typeof kinds[number];

/** A server that runs in a process of its own. */
interface Generation {
  readonly kind: Kind;
  readonly pid: number;
  readonly files: ChildFiles;
  /** Has it drain, and waits for its end and its report. */
  drain(): Promise<unknown>;
}

async function start(kind: Kind, { handle }: Listener): Promise<Generation> {
  const files = childFiles();
  const [executable, ...flags] = kind.command as [string, ...string[]];
  const child = spawn(executable, [...flags, script, kind.name], {
    ...files.options,
    handles: { listener: handle },
    channel: true,
  });
  const result = files.result(child as unknown as ChildProcess);
  result.catch(() => {});
  const served = await child.channel.receive();
  if (served === undefined) await result;
  return {
    kind,
    pid: child.pid!,
    files,
    async drain() {
      await child.channel.send("drain");
      const report = await result;
      await child.channel.close();
      files[Symbol.dispose]();
      return report;
    },
  };
}

describe.runIf(process.platform === "linux")("no request is lost", () => {
  beforeAll(startOnce);

  test.each(["TCP4", "Unix"] as const)("on a %s socket", async (family) => {
    using listener = makeListener(family);
    // Deno's node:net closes Unix sockets twice, so it takes none.
    const order = kinds.filter((kind) =>
      family !== "Unix" || kind.runtime !== "deno" || kind.name === "Deno.serve"
    );
    let current = await start(order[0]!, listener);
    const load = new WebLoad(listener.address, 2);
    try {
      for (const kind of [...order.slice(1), order[0]!]) {
        while ((load.answers.get(String(current.pid)) ?? 0) < ANSWERS && load.lost.length === 0) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        const [last, next] = [current, await start(kind, listener)];
        current = next;
        expect(await last.drain(), last.kind.name).toEqual({ count: 0, left: [] });
      }
    } finally {
      await load.stop();
      expect(await current.drain(), current.kind.name).toEqual({ count: 0, left: [] });
    }
    expect(load.lost).toEqual([]);
    expect(load.answers.size).toBe(order.length + 1);
  });
});
