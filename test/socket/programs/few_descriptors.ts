/** Receives more handles than this process has descriptors for, and what comes after them. */
import { receiveHandles, sendHandles } from "duphandle";
import { close, fcntl_dupfd_cloexec } from "duphandle/posix";
import { leftOpen, openHandles } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";
import { unixPair } from "../../support/unix_pairs.ts";

using pair = unixPair();
await sendHandles(pair.one, new TextEncoder().encode("warm"), [0]);
(await receiveHandles(pair.other))![Symbol.dispose]();

await sendHandles(pair.one, new TextEncoder().encode("many"), Array<number>(100).fill(0));
await sendHandles(pair.one, new TextEncoder().encode("next"), [0]);
const before = openHandles();
// The limit stays what it is: all but a few of the numbers below it are taken.
const taken: number[] = [];
try {
  for (;;) taken.push(fcntl_dupfd_cloexec(0, 3));
} catch {
  for (const fd of taken.splice(-20)) close(fd);
}
const outcome = await receiveHandles(pair.other).then(
  (received) => ({ handles: received!.handles.length }),
  (error: { code: string }) => ({ code: error.code }),
);
for (const fd of taken) close(fd);
const left = await leftOpen(before);
using next = await receiveHandles(pair.other);
report({
  ...outcome,
  left,
  next: new TextDecoder().decode(next!.data),
  handles: next!.handles.length,
});
process.exitCode = 0;
