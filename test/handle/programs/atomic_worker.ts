/** Reads the target from its start until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { lseek, read, SEEK_SET } from "duphandle/posix";

const { target, shared } = workerData.data as { target: number; shared: Int32Array };
const buffer = new Uint8Array(1);
parentPort?.postMessage("ready");
while (Atomics.load(shared, 0) === 0) {
  try {
    lseek(target, 0, SEEK_SET);
    const letter = read(target, buffer) === 1 ? buffer[0] : 0;
    if (letter !== 65 && letter !== 66) Atomics.add(shared, 2, 1);
  } catch {
    Atomics.add(shared, 2, 1); // EBADF: the target was closed for a moment
  }
  Atomics.add(shared, 1, 1);
}
