/** A generation of drain_load.test.ts: it serves the socket of its parent until that has it drain. */
import { readlinkSync } from "node:fs";
import { drain, inherited, parentChannel } from "duphandle";
import { webServers } from "../../support/drained_servers.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

/** What a generation reports. */
export interface GenerationReport {
  /** How many connections it cut off. */
  readonly count: number;
  /** What is open still of the listening socket and of its connections. */
  readonly left: readonly string[];
}

const [name] = process.argv.slice(2);
const channel = parentChannel()!;
await settled();
const before = openHandles();
const listener = inherited("listener");
const socket = readlinkSync(`/proc/self/fd/${listener.raw}`);
const { serve } = webServers.find((each) => each.name === name)!;
const { server, stop } = await serve(listener, (body) => `${process.pid} ${body}`);
await channel.send("serving");
const next = await channel.receive();
if (next === undefined) await stop(); // the test has failed
else {
  const count = await drain(server, { timeout: Infinity });
  const left = await leftOpen(before.filter((line) => !line.endsWith(socket)));
  report({ count, left } satisfies GenerationReport);
}
await channel.close();
