/** Pools of files, and input and output through the descriptors that a pool gives. */
import * as fs from "node:fs";
import * as posix from "duphandle/posix";
import { DescriptorPool, type OwnedHandle, type PooledDescriptor } from "duphandle";
import { isDeno, isWindows, openRaw, readRaw, temporaryFolder, writeRaw } from "./system.ts";

/** Whether a pool gives descriptors of the runtime: in Deno for Windows they are handles. */
export const givesFds: boolean = !(isDeno && isWindows);

/** Reads up to so many bytes as text; "" at the end. */
export function readFd(fd: number, bytes: number): string {
  if (!givesFds) return readRaw(fd, bytes);
  const buffer = new Uint8Array(bytes);
  return new TextDecoder().decode(buffer.subarray(0, fs.readSync(fd, buffer, 0, bytes, null)));
}

/** Writes text. */
export function writeFd(fd: number, text: string): number {
  return givesFds ? fs.writeSync(fd, text) : writeRaw(fd, text);
}

/** Whether nobody has the other end of a pipe, which is empty, any more. Linux does not wait for it. */
export function isAlone(reader: OwnedHandle, patience: number = 0): boolean {
  if (isWindows) return readRaw(reader.raw, 1) === "";
  const state: posix.PollFd = { fd: reader.raw, events: 0 };
  posix.poll([state], patience);
  return (state.revents! & posix.POLLHUP) !== 0;
}

/** A pool and its files. It is closed, and they are removed, in the end. */
export interface Filled extends Disposable {
  readonly pool: DescriptorPool;
  readonly files: PooledDescriptor[];
}

/** A pool with so many files, which hold "a0a1a2 … a9", "b0b1b2 …", …. */
export function filled(limit: number, count: number): Filled {
  const folder = temporaryFolder();
  const pool = new DescriptorPool({ limit });
  const files = Array.from({ length: count }, (_, at) => {
    const letter = String.fromCharCode(97 + at % 26);
    const path = `${folder.path}/${at}`;
    fs.writeFileSync(path, Array.from({ length: 10 }, (_, digit) => letter + digit).join(""));
    return pool.add(openRaw(path, "r+"));
  });
  return {
    pool,
    files,
    [Symbol.dispose]() {
      pool.close();
      folder[Symbol.dispose]();
    },
  };
}

/** Reads the next two bytes of such a file. */
export function next(file: PooledDescriptor): string {
  return file.use((fd) => readFd(fd, 2));
}
