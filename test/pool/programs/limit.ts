/** A user without privileges parks as many files as the system allows. It prints what happened. */
import * as fs from "node:fs";
import { DescriptorPool, type HandleError, type PooledDescriptor } from "duphandle";
import { descriptorCount, settled } from "../../support/open_handles.ts";
import { readFd } from "../../support/pool_files.ts";
import { openRaw, pipeRaw, positionOf } from "../../support/system.ts";
import * as posix from "duphandle/posix";

// Deno does not survive its own preparations without a free descriptor.
await settled();
const path = process.argv[2] as string;
const openNow = () => {
  openRaw(path, "r").close();
  return descriptorCount();
};
const before = openNow();
const pool = new DescriptorPool({ limit: 50 });
const files: { file: PooledDescriptor; at: number }[] = [];

/** Adds files, each with a position of its own, until that fails. */
function fill(): string {
  for (;;) {
    const handle = openRaw(path, "r");
    const at = files.length % 90;
    posix.lseek(handle.raw, at, posix.SEEK_SET);
    try {
      files.push({ file: pool.add(handle), at });
    } catch (error) {
      if (positionOf(handle.raw) !== at) throw new Error("the handle is not as it was");
      handle.close();
      const { code, message } = error as HandleError;
      return `${code}: ${message}`;
    }
  }
}

/** Whether every file has its own position. Using one pages others out, which must go on working. */
function areRight(): boolean {
  const text = fs.readFileSync(path, "utf8");
  return files.every((each) => {
    const isRight = each.file.use((fd) => readFd(fd, 1)) === text[each.at];
    each.at++;
    return isRight;
  });
}

const { reader, writer } = pipeRaw();
const pipe = pool.add(writer);
const error = fill();
const first = files.length;
const right = [areRight()];
pipe.close();
const state: posix.PollFd = { fd: reader.raw, events: 0 };
posix.poll([state], 0);
const isReleased = (state.revents! & posix.POLLHUP) !== 0;
reader.close();
for (const { file } of files.splice(10, 40)) file.close();
right.push(areRight());
const again = fill();
right.push(areRight());
const second = files.length;
for (const { file } of files.splice(0, files.length - 5)) file.close();
right.push(areRight());
const { resident, parked } = pool.stats;
pool.close();
const left = openNow() - before;
console.log(
  JSON.stringify({ error, again, first, second, right, isReleased, resident, parked, left }),
);
