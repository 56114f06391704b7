/** Opens and closes files, and makes files of its own, until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { close, O_CLOEXEC, O_RDONLY, open } from "duphandle/posix";
import { fsFileFrom } from "../../../src/handle/deno_file.ts";

const { paths, shared } = workerData.data as { paths: string[]; shared: Int32Array };
parentPort?.postMessage("ready");
for (let round = 0; Atomics.load(shared, 0) === 0; round++) {
  const path = paths[round % paths.length]!;
  const held = [path, path, paths[(round + 1) % paths.length]!, path]
    .map((file) => open(file, O_RDONLY | O_CLOEXEC));
  const made = fsFileFrom(held.pop()!) as { close(): void };
  for (const fd of held) close(fd);
  made.close();
  Atomics.add(shared, 1, 1);
}
