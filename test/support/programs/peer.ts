/**
 * Another process for a test: it does what it is told, a line of JSON at a time, and answers each
 * line with one. `test/support/peer.ts` starts it and talks to it.
 */
import * as fs from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { createInterface } from "node:readline";
import {
  allowTake,
  borrow,
  duplicate,
  type HandleError,
  listenOn,
  openProcess,
  OwnedHandle,
} from "duphandle";
import { openHandles } from "../open_handles.ts";
import { closeRaw, isWindows, openRaw, positionOf, readRaw, writeRaw } from "../system.ts";
import { prctl } from "duphandle/posix";
import {
  CreateFileW,
  GENERIC_READ,
  GENERIC_WRITE,
  LOCKFILE_EXCLUSIVE_LOCK,
  LockFileEx,
  OPEN_EXISTING,
  WaitForSingleObject,
} from "duphandle/win32";

/** What it can be told, by name. Handles are told by their numbers. */
const actions = {
  open: (file: string, mode: "r" | "w" | "r+") => openRaw(file, mode).release(),
  read: (raw: number, bytes: number) => readRaw(raw, bytes),
  write: (raw: number, text: string) => writeRaw(raw, text),
  position: (raw: number) => positionOf(raw),
  isInheritable: (raw: number) => borrow(raw).inheritable,
  setInheritable(raw: number, inheritable: boolean): void {
    borrow(raw).inheritable = inheritable;
  },
  close: (raw: number) => closeRaw(raw),
  /** Opens a file so that nobody else can open it, on Windows. */
  openExclusive: (file: string) =>
    CreateFileW(file, (GENERIC_READ | GENERIC_WRITE) >>> 0, 0, null, OPEN_EXISTING, 0, 0),
  /** Listens at a port by the system's own calls, and tells the socket's number. */
  listenOn: (port: number) => listenOn({ port, host: "127.0.0.1" }).release(),
  /** Listens as a server of the runtime does, and tells the port. */
  serve: () =>
    new Promise<number>((resolve) => {
      const server = createServer((socket) => void socket.on("error", () => {}));
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
      server.unref();
    }),
  /** Locks the first bytes of a file, on Windows. */
  lock: (raw: number, bytes: number) =>
    LockFileEx(raw, LOCKFILE_EXCLUSIVE_LOCK, 0, bytes, 0, { Offset: 0, OffsetHigh: 0 }),
  unlink: (file: string) => fs.unlinkSync(file),
  /** The numbers of the open handles. */
  handles: () => openHandles(),
  allowTake: (pid: number | "any") => allowTake(pid),
  /** Forbids other processes of the same user to examine this one: `PR_SET_DUMPABLE`. */
  makeUndumpable: () => prctl(4, 0),
  /** Takes a handle of another process and reads from it. */
  takeAndRead(pid: number, raw: number, bytes: number): string {
    using other = openProcess(pid);
    using taken = other.take(raw);
    return readRaw(taken.raw, bytes);
  },
  /** Gives a handle to another process, and tells which number it has there. */
  give(pid: number, raw: number): number {
    using other = openProcess(pid);
    return other.give(borrow(raw)).raw;
  },
  /** A duplicate of a handle that it was given. */
  duplicate: (raw: number) => duplicate(borrow(raw)).release(),
  isOpen(raw: number): boolean {
    try {
      OwnedHandle.fromRaw(raw).duplicate().close();
      return true;
    } catch {
      return false;
    }
  },
  /** Whether a process has ended, or an event is set. */
  isSignalled: (raw: number) => isWindows && WaitForSingleObject(raw, 0) === 0,
  exit: (code: number) => setTimeout(() => process.exit(code), 10),
};

/** What it can be told. */
export type Actions = typeof actions;

async function answer(line: string): Promise<unknown> {
  const [name, ...values] = JSON.parse(line) as [keyof Actions, ...unknown[]];
  try {
    const value = await (actions[name] as (...values: unknown[]) => unknown)(...values);
    return { value: name === "exit" ? null : value ?? null };
  } catch (error) {
    const { code, status, syscall } = error as HandleError;
    return { error: { code, status, syscall, message: String((error as Error).message) } };
  }
}

fs.writeSync(1, `${JSON.stringify({ value: process.pid })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  fs.writeSync(1, `${JSON.stringify(await answer(line))}\n`);
}
