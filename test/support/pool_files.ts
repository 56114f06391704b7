/** Reads, writes and looks through the descriptor that a pool gives to `use`. */
import * as fs from "node:fs";
import * as posix from "../../ffi/posix.ts";
import type { OwnedHandle } from "../../mod.ts";
import { isDeno, isWindows, readRaw, writeRaw } from "./system.ts";

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
