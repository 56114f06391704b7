/**
 * Moves files, pipes and sockets in and out of a pool without an end, until it is killed:
 * killed.test.ts. Its argument is a folder of its own.
 */
import * as fs from "node:fs";
import { DescriptorPool, inherited, type OwnedHandle, type PooledDescriptor } from "duphandle";
import { tryLock } from "../../support/linux_objects.ts";
import { socketPair } from "../../support/sockets.ts";
import { openRaw, pipeRaw } from "../../support/system.ts";

const FILES = 400;
const folder = process.argv[2] as string;
const pool = new DescriptorPool({ limit: 10 });
const writer = pool.add(inherited("writer"));
const path = `${folder}/locked`;
fs.writeFileSync(path, "");
const locked = openRaw(path, "r+");
tryLock(locked.raw);
pool.add(locked);

const files: PooledDescriptor[] = [];
function fill(): void {
  while (files.length < FILES) {
    const pipe = pipeRaw();
    const made: OwnedHandle[] = [pipe.reader, pipe.writer, ...socketPair(), openRaw(path, "r")];
    files.push(...made.map((handle) => pool.add(handle)));
  }
}

for (let at = 0;; at++) {
  fill();
  // Nothing but the pool has the writing end: whoever has the other sees the end of this process.
  writer.use((fd) => fs.writeSync(fd, "."));
  for (let step = 0; step < 50; step++) {
    files[Math.floor(Math.random() * files.length)]!.use((fd) => fs.fstatSync(fd));
  }
  for (const file of files.splice(at % 300, 20)) file.close();
}
