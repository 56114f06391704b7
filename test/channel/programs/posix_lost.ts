/** Sends each file that is an argument in a message of its own, and reports which file each message came with. */
import type { HandleChannel, HandleError } from "duphandle";
import { close, O_CLOEXEC, open } from "duphandle/posix";
import { connected } from "../../support/channel_ends.ts";
import { report } from "../../support/report.ts";
import { readRaw } from "../../support/system.ts";

const files = process.argv.slice(2);
await using ends = await connected();

async function receive(channel: HandleChannel): Promise<string> {
  try {
    using received = (await channel.receive())!;
    return `${received.message}: ${received.handles.map(({ raw }) => readRaw(raw, 9))}`;
  } catch (error) {
    return (error as HandleError).code;
  }
}

const outcomes: string[] = [];
for (const file of files) {
  const fd = open(file, O_CLOEXEC);
  await ends.near.send(file, [fd]);
  close(fd);
}
for (const _ of files) outcomes.push(await receive(ends.far));
report(outcomes);
