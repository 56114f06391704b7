/** The other process of test/channel_pairs.test.ts: connects, exchanges messages, and reports. */
import { HandleChannel } from "duphandle";
import { exchange } from "../support/channel_exchange.ts";
import { leftOpen, openHandles, settled } from "../support/open_handles.ts";
import { report } from "./report.ts";

const [path, messages] = process.argv.slice(2) as [string, string];
/** What opens once what is then kept. */
await (await HandleChannel.connect(path)).close();
await settled();

const before = openHandles();
const channel = await HandleChannel.connect(path);
const tally = await exchange(channel, "far", Number(messages));
await channel.close();
report({ ...tally, left: await leftOpen(before) });
