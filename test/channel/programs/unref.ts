/** A process whose only work is an open channel, which its first argument leaves as it is or not. */
import { HandleChannel } from "duphandle";
import { place } from "../../support/channel_ends.ts";
import { report } from "../../support/report.ts";

const how = process.argv[2];
const where = place();
process.on("exit", () => where[Symbol.dispose]());

let accept: (channel: HandleChannel) => void = () => {};
const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
const server = await HandleChannel.listen(where.path, (channel) => accept(channel));
const near = await HandleChannel.connect(where.path);
const far = await accepted;
await near.send(1);
await far.receive();
await server.close();
if (how === "unref") {
  near.unref();
  far.unref();
  report({ left: "unref" });
} else {
  near.unref().ref();
  far.unref();
  // Nothing but the channel keeps the process alive until this comes.
  setTimeout(async () => {
    await near.close();
    report({ left: "closed" });
  }, 300).unref();
}
