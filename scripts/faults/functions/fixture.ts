/** The files and processes that the calls are about. They are made once in a victim. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { borrow, type BorrowedHandle, duplicate, type OwnedHandle } from "duphandle";
import { checkFile } from "../subject.ts";

const folder = process.argv[2] as string;

/** A regular file, and another one. */
export const file: string = join(folder, "file");
export const other: string = join(folder, "other");
/** Where a socket may be made. */
export const socketPath: string = join(folder, "socket");

writeFileSync(file, "0123456789");
writeFileSync(other, "abc");

/** Another process, which ends with this one. */
export const child: ChildProcess = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });

/** Whether this is Deno. */
export const isDeno: boolean = "Deno" in globalThis;

/** A descriptor of the runtime on the file. */
export function open(flags: string = "r+"): number {
  return openSync(file, flags);
}

/** A handle of this library on the file. */
export function openOwned(flags: string = "r+"): OwnedHandle {
  const fd = openSync(file, flags);
  try {
    return duplicate(fd);
  } finally {
    closeSync(fd);
  }
}

/** A source that other code owns. */
export function openBorrowed(): { owner: OwnedHandle; source: BorrowedHandle } {
  const owner = openOwned();
  return { owner, source: borrow(owner.raw) };
}

/** Closes a result after a look at what it refers to. */
export function closeOwned(handle: OwnedHandle | undefined): void {
  if (handle === undefined) return;
  checkFile(handle.raw, file);
  handle.close();
}

/** Closes a descriptor of the runtime after a look at what it refers to. */
export function closeFd(fd: number | undefined, path: string = file): void {
  if (fd === undefined) return;
  checkFile(fd, path);
  closeSync(fd);
}

/** Closes a file of the runtime after a look at what it refers to. */
export async function closeFile(
  opened: { readonly fd: number; close(): Promise<void> } | undefined,
): Promise<void> {
  if (opened === undefined) return;
  checkFile(opened.fd, file);
  await opened.close();
}

/** `Deno.FsFile`, as far as it is used. */
export interface DenoFile {
  close(): void;
}

/** Opens the file with Deno. */
export function openDeno(): DenoFile {
  const { Deno } = globalThis as unknown as { Deno: { openSync(path: string): DenoFile } };
  return Deno.openSync(file);
}
