/** Duplicates and closes a file until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { borrow } from "duphandle";
import { close, O_CLOEXEC, O_RDONLY, open } from "duphandle/posix";

const { secret, shared } = workerData.data as { secret: string; shared: Int32Array };
const file = open(secret, O_RDONLY | O_CLOEXEC);
const source = borrow(file);
parentPort?.postMessage("ready");
while (Atomics.load(shared, 0) === 0) {
  source.duplicate().close();
  Atomics.add(shared, 1, 1);
}
close(file);
