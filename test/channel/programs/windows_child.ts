/** A child that has a channel with its parent: `windows_child.ts name`. It sends back what it gets. */
import { HandleChannel } from "../../../src/channel/channel.ts";
import { defaultLimits } from "../../../src/channel/types.ts";
import { connectToParent } from "../../../src/channel/windows.ts";

const channel = HandleChannel.of(connectToParent(process.argv[2] ?? ""), defaultLimits);
await channel.send("early"); // before it is connected
for await (const received of channel) {
  await channel.send(received.message, received.handles);
  received[Symbol.dispose]();
}
await channel.close();
