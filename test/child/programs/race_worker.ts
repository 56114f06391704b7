/** Duplicates and closes a handle until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { borrow } from "duphandle";

const { secret, shared } = workerData.data as { secret: number; shared: Int32Array };
const source = borrow(secret);
parentPort?.postMessage("ready");
while (Atomics.load(shared, 0) === 0) {
  source.duplicate().close();
  Atomics.add(shared, 1, 1);
}
