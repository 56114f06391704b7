/** A child that has a channel with its parent: it sends back what it gets. */
import { parentChannel } from "duphandle";

const channel = parentChannel()!;
await channel.send("early"); // before it is connected
for await (const received of channel) {
  await channel.send(received.message, received.handles);
  received[Symbol.dispose]();
}
await channel.close();
