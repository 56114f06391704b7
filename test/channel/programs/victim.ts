/** Sends and receives without an end, until it is killed: killed.test.ts. */
import { HandleChannel } from "duphandle";
import { patient } from "../../support/channel_ends.ts";
import { pipeRaw } from "../../support/system.ts";

const [how, path] = process.argv.slice(2) as ["listen" | "connect", string];
const { reader, writer } = pipeRaw();

async function work(channel: HandleChannel): Promise<void> {
  const receiving = (async () => {
    for await (const message of channel) message[Symbol.dispose]();
  })();
  // Its writing end is here only, so whoever has the reader sees the end of this process.
  await channel.send("reader", [reader]);
  const payload = new Uint8Array(5000);
  for (let at = 0;; at++) {
    const handles = at % 50 === 49 ? Array.from({ length: 600 }, () => reader) : [reader];
    await channel.send({ at, payload: payload.subarray(at % 5000) }, at % 3 > 0 ? handles : []);
    if (writer.closed) break;
  }
  await receiving;
}

if (how === "listen") {
  await HandleChannel.listen(path, (channel) => void work(channel), patient);
} else await work(await HandleChannel.connect(path, patient));
