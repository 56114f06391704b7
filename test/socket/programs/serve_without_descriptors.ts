/**
 * Puts a connection under Bun.connect while no descriptor is free: then nothing tells whether Bun has its number.
 * Reports the error, and what the connection is good for afterwards.
 */
import { serveOn } from "duphandle";
import { close, dup, read, write } from "duphandle/posix";
import { connectedPair } from "../../support/listeners.ts";
import { bun, type BunSocket } from "../../support/natives.ts";
import { report } from "../../support/report.ts";

const [near, far] = connectedPair("Unix");
const fillers: number[] = [];
let connection: BunSocket | undefined;
let received = "";
let code: unknown;
try {
  await serveOn(far, async (placeholder) => {
    const socket = { data: (_: unknown, bytes: Uint8Array) => received += Buffer.from(bytes) };
    connection = await bun.connect({ ...placeholder, socket });
    fillTable();
    return connection;
  });
} catch (error) {
  ({ code } = error as { code?: unknown });
}
for (const fd of fillers) close(fd);
write(near.raw, Buffer.from("to Bun"));
while (received.length < 6) await new Promise((resolve) => setTimeout(resolve, 5));
connection!.write("from Bun");
const answer = Buffer.alloc(100);
report({ code, received, answer: `${answer.subarray(0, read(near.raw, answer))}` });
process.exit(0);

function fillTable(): void {
  try {
    for (;;) fillers.push(dup(1));
  } catch {
    // it is full
  }
}
