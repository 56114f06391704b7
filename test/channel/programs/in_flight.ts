/** More handles on their way, over several channels, than this user may have in flight. */
import { connected, next, turns } from "../../support/channel_ends.ts";

const COUNT = 10;
const PER_MESSAGE = 60;
const pairs = await Promise.all(Array.from({ length: COUNT }, () => connected()));
const handles = Array.from({ length: PER_MESSAGE }, () => 1);
let sent = 0;
const sends = pairs.map(({ near }, at) => near.send(at, handles).then(() => sent++));
await turns();
const atFirst = sent;
let received = 0;
for (const { far } of pairs) {
  using message = await next(far);
  received += message.handles.length;
}
await Promise.all(sends);
for (const pair of pairs) await pair[Symbol.asyncDispose]();
console.log(JSON.stringify({ all: COUNT, atFirst, sent, received }));
