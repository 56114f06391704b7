/** Files and pipes for the tests of a file in Deno for Windows, and what it rejects with. */
import * as fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { OwnedHandle } from "duphandle";
import { expect } from "vitest";
import { WindowsFile } from "../../src/windows_file/mod.ts";
import { openRaw, pipeRaw, temporaryFile } from "./system.ts";

/** The file is closed. */
export const closed: unknown = expect.objectContaining({ name: "HandleError", code: "EBADF" });
/** An argument has the wrong type. */
export const wrongType: unknown = expect.objectContaining({
  name: "TypeError",
  code: "ERR_INVALID_ARG_TYPE",
});
/** An argument is out of range. */
export const outOfRange: unknown = expect.objectContaining({
  name: "RangeError",
  code: "ERR_OUT_OF_RANGE",
});

/** A file of ours, as it serves where Deno makes none of its own. It owns the handle from then on. */
export function ourFile(handle: OwnedHandle): FileHandle {
  return new WindowsFile(handle.release()) as unknown as FileHandle;
}

/** Calls a function with an open file of this content; afterwards the file is closed and removed. */
export async function withFile<Result>(
  content: string,
  use: (file: FileHandle, path: string) => Promise<Result>,
  mode: "r" | "w" | "r+" = "r+",
): Promise<Result> {
  using folder = temporaryFile(content);
  await using file = ourFile(openRaw(folder.path, mode));
  return await use(file, folder.path);
}

/** Both ends of a new pipe, as files. */
export async function pipeEnds(): Promise<{ reader: FileHandle; writer: FileHandle }> {
  const { reader, writer } = pipeRaw();
  return { reader: await reader.toFileHandle(), writer: await writer.toFileHandle() };
}

/** The content of a file as text. */
export function content(path: string): string {
  return fs.readFileSync(path, "utf8");
}

/** Bytes as text. */
export function text(bytes: NodeJS.ArrayBufferView): string {
  return new TextDecoder().decode(
    new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength),
  );
}
