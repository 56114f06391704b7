/** Opens a file, reads it and closes it, over and over. */
import * as fs from "node:fs";
import { workerData } from "node:worker_threads";

const { shared, file, content } = workerData.data as {
  shared: Int32Array;
  file: string;
  content: string;
};
const buffer = Buffer.alloc(4);
Atomics.add(shared, 1, 1);
while (Atomics.load(shared, 0) === 0) {
  let seen: string;
  try {
    const fd = fs.openSync(file, "r");
    seen = buffer.toString("utf8", 0, fs.readSync(fd, buffer, 0, 4, 0));
    fs.closeSync(fd);
  } catch (error) {
    seen = String(error);
  }
  Atomics.add(shared, 2, 1);
  if (seen !== content) Atomics.add(shared, 3, 1);
}
