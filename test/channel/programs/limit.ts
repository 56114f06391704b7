/** A process without descriptors left, which receives and sends handles. */
import { duplicate, type HandleError, type OwnedHandle } from "duphandle";
import { connected, next } from "../../support/channel_ends.ts";
import { openHandles, settled } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

const outcome = (promise: Promise<unknown>) =>
  promise.then(() => "done", ({ code, message }: HandleError) => `${code}: ${message}`);

const fillers: OwnedHandle[] = [];
/** Leaves room for so many descriptors. */
function leave(room: number): void {
  while (thrownBy(() => fillers.push(duplicate(1))) === undefined);
  for (let freed = 0; freed < room; freed++) fillers.pop()?.close();
}

await using ends = await connected();
// Descriptors are counted that are sockets: the runtime's own must be there.
await settled();
const { near, far } = ends;
const before = openHandles().length;

// Ten handles, then more than go at once, then one, for a process that has room for three.
await near.send("lost", Array.from({ length: 10 }, () => 1));
await near.send("lost as well", Array.from({ length: 300 }, () => 1));
await near.send("arrives", [1]);
leave(3);
const full = fillers.length;
const lost = await outcome(far.receive());
const batches = await outcome(far.receive());
const refilled: OwnedHandle[] = [];
while (thrownBy(() => refilled.push(duplicate(1))) === undefined);
const room = refilled.length;
for (const each of refilled) each.close();
const arrived = await next(far);
const after = { message: arrived.message, handles: arrived.handles.length };
arrived[Symbol.dispose]();

// What has to wait cannot be duplicated; what need not wait goes.
leave(0);
const waiting = await outcome(near.send("too many", Array.from({ length: 300 }, () => 1)));
const direct = await outcome(near.send("direct", [1]));
for (const filler of fillers.splice(0)) filler.close();
const last = await next(far);
const direction = { message: last.message, handles: last.handles.length };
last[Symbol.dispose]();

report({
  full,
  lost,
  room,
  after,
  batches,
  waiting,
  direct,
  direction,
  leaked: openHandles().length - before,
});
