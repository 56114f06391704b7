/** Copies of files, for the tests of copyFileHandle() and of adoption by the runtime. */
import type { FileHandle } from "node:fs/promises";
import { copyFileHandle } from "duphandle";
import { openRaw } from "./system.ts";

/** A copy of a file opened by the system, whose original is closed. */
export async function copyOf(
  path: string,
  mode: "r" | "w" | "r+",
  flags?: number,
): Promise<FileHandle> {
  using source = openRaw(path, mode);
  return await copyFileHandle(source, flags);
}

/** Bytes as text. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
