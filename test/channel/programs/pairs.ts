/**
 * The other process of pairs.test.ts: it connects, or finds its channel when its first
 * argument is `child`, exchanges messages, and reports.
 */
import { HandleChannel, parentChannel } from "duphandle";
import { connected } from "../../support/channel_ends.ts";
import { exchange } from "../../support/channel_exchange.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

const [path, messages] = process.argv.slice(2) as [string, string];
const isChild = path === "child";
/** What opens once what is then kept. */
if (isChild) await (await connected())[Symbol.asyncDispose]();
else await (await HandleChannel.connect(path)).close();
await settled();

const before = openHandles();
const channel = isChild ? parentChannel() : await HandleChannel.connect(path);
const tally = await exchange(channel!, "far", Number(messages));
await channel!.close();
// On Linux the child got the sockets of the channel from its parent, before anything else.
const given = isChild ? before.filter((line) => /^[34] -> socket:/.test(line)) : [];
report({
  ...tally,
  given: given.length,
  left: await leftOpen(before.filter((line) => !given.includes(line))),
});
