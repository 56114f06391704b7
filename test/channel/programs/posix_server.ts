/**
 * Listens at the path that is its argument, and greets whoever comes. It does what the lines of its input
 * say: `fill 1` takes all free descriptors but one, `free` gives them back, `flood` sends to the first client until that
 * does not read, and from then on all the same.
 */
import { createInterface } from "node:readline";
import { duplicate, HandleChannel, type HandleError, type OwnedHandle } from "duphandle";
import { settled } from "../../support/open_handles.ts";
import { thrownBy } from "../../support/report.ts";

const [path] = process.argv.slice(2) as [string];
const channels: HandleChannel[] = [];
const fillers: OwnedHandle[] = [];
const say = (line: string) => console.log(line);
const codeOf = (error: unknown) => (error as HandleError).code;

await settled();
const onError = (error: unknown) => say(`error ${codeOf(error)}`);
try {
  await HandleChannel.listen(path, (channel) => {
    channels.push(channel);
    void channel.send("hello");
  }, { onError });
  say("listens");
} catch (error) {
  say(codeOf(error));
}

for await (const line of createInterface(process.stdin)) {
  if (line.startsWith("fill")) {
    while (thrownBy(() => fillers.push(duplicate(1))) === undefined);
    for (let freed = 0; freed < Number(line.slice(4)); freed++) fillers.pop()?.close();
    say("full");
  } else if (line === "flood") {
    while (channels.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    // As many as may be unreceived, and one more byte than fits the buffers of any socket.
    for (let at = 0; at < 40; at++) void channels[0]!.send(new Uint8Array(1 << 14)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    say("floods");
  } else {
    for (const filler of fillers.splice(0)) filler.close();
    say("free");
  }
}
process.exit(0);
