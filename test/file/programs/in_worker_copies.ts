/** The worker of in_worker.ts. */
import * as fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { copyFileHandle, copyFileHandleSync, duplicate } from "duphandle";

const text = (fd: number) => {
  const bytes = new Uint8Array(3);
  fs.readSync(fd, bytes, 0, 3, 0);
  return new TextDecoder().decode(bytes);
};
const source = fs.openSync((workerData as { data: string }).data, "r");
const copy = copyFileHandleSync(source);
const adopted = duplicate(source).toFd();
const file = await copyFileHandle(source);
const other = await duplicate(source).toFileHandle();
const texts = [copy, adopted, file.fd, other.fd].map(text);
for (const fd of [copy, adopted, source]) fs.closeSync(fd);
await file.close();
await other.close();
parentPort!.postMessage(texts);
