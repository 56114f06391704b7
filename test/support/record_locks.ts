/** Record locks of this process, as a database in it has them. */
import { expect } from "vitest";
import * as fs from "node:fs";
import { scratch } from "../../ffi/backend/scratch.ts";
import { callNumbers, kernel } from "../../ffi/posix/libc.ts";

/** fcntl.h */
const F_SETLK = 6;
const F_WRLCK = 1;

/** Locks the file of a descriptor that is open for writing, until this process closes one of the file. */
export function lockRecords(fd: number): void {
  const { address, data, int32 } = scratch();
  int32.fill(0, 0, 8); // struct flock: the whole file
  data.setInt16(0, F_WRLCK, true);
  expect(kernel("fcntl").syscall(callNumbers().fcntl, fd, F_SETLK, address, 0, 0)).toBe(0);
}

/** How many record locks this process has on a file. */
export function recordLocks(path: string): number {
  return listRecordLocks(path) || listRecordLocks(path);
}

/**
 * The kernel gives its list by several reads, and each goes on by number: where another process takes a lock
 * in between, the last line comes twice; where one is given back, a line can be left out.
 */
function listRecordLocks(path: string): number {
  const end = new RegExp(`POSIX .* ${process.pid} [0-9a-f:]+:${fs.statSync(path).ino} .*$`);
  const lines = fs.readFileSync("/proc/locks", "utf8").split("\n");
  return new Set(lines.map((line) => end.exec(line)?.[0]).filter(Boolean)).size;
}
