/**
 * The thread of a victim that takes commands and gives answers, so that the thread that calls the
 * library makes no system call for it but futex(2).
 */
import { openSync, readlinkSync, readSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const COMMANDS = 0;

const { shared, pipe } = workerData;
const answers = openSync(pipe, "r+");
const state = new Int32Array(shared, 0, 2);
const text = new Uint8Array(shared, 8);
const buffer = new Uint8Array(1 << 16);
let unread = "";

function readLine() {
  for (;;) {
    const end = unread.indexOf("\n");
    if (end >= 0) {
      const line = unread.slice(0, end);
      unread = unread.slice(end + 1);
      return line;
    }
    const length = readSync(COMMANDS, buffer, 0, buffer.length, null);
    if (length === 0) process.exit(0);
    unread += new TextDecoder().decode(buffer.subarray(0, length));
  }
}

function write(bytes) {
  for (let at = 0; at < bytes.length;) at += writeSync(answers, bytes, at, bytes.length - at);
}

// The number of this thread, for the tracer to leave it out.
write(new TextEncoder().encode(`${readlinkSync("/proc/thread-self").split("/").at(-1)}\n`));
parentPort.postMessage(0);
for (;;) {
  const bytes = new TextEncoder().encode(readLine());
  text.set(bytes);
  state[1] = bytes.length;
  Atomics.store(state, 0, 1);
  Atomics.notify(state, 0);
  while (Atomics.load(state, 0) !== 2) Atomics.wait(state, 0, 1);
  write(text.slice(0, state[1]));
  write(new TextEncoder().encode("\n"));
  Atomics.store(state, 0, 0);
}
