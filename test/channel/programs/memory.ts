/** Sends much more than fits to a receiver that is slow, and looks at the memory. */
import { connected, next, turns } from "../../support/channel_ends.ts";
import { report } from "../../support/report.ts";

const [messages, size] = process.argv.slice(2).map(Number) as [number, number];
await using ends = await connected();
const payload = new Uint8Array(size).fill(7);
const before = process.memoryUsage().rss;
let most = before;
const look = () => most = Math.max(most, process.memoryUsage().rss);

let sent = 0;
const sending = (async () => {
  for (; sent < messages; sent++) await ends.near.send({ payload });
})();
await turns(200);
const atFirst = sent;
look();
let bytes = 0;
for (let at = 0; at < messages; at++) {
  const { message } = await next(ends.far);
  bytes += (message as { payload: Uint8Array }).payload.length;
  if (at % 10 === 0) await turns(5);
  look();
}
await sending;
report({ atFirst, bytes, grown: most - before });
