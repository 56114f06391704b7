/** Which target a test runs on, and raw input and output that every target has. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { borrow, isSameObject, OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";

export const isWindows: boolean = process.platform === "win32";
export const isDeno: boolean = "Deno" in globalThis;
export const isBun: boolean = process.versions["bun"] !== undefined;
/** How many handles the runtime has for one of its descriptors: Deno for Windows one of its own besides. */
export const handlesOfFd: number = isDeno && isWindows ? 2 : 1;

/** A folder that is removed when the test ends. */
export function temporaryFolder(): { path: string; [Symbol.dispose](): void } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
  return {
    path: folder,
    [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** A file with this content, in a folder of its own that is removed when the test ends. */
export function temporaryFile(content: string): { path: string; [Symbol.dispose](): void } {
  const folder = temporaryFolder();
  const file = path.join(folder.path, "file.txt");
  fs.writeFileSync(file, content);
  return { path: file, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** Opens a file by the system's own call, so that no runtime knows the handle. */
export function openRaw(file: string, mode: "r" | "w" | "r+"): OwnedHandle {
  if (isWindows) {
    const access = { r: win32.GENERIC_READ, w: win32.GENERIC_WRITE, "r+": 0xc000_0000 }[mode];
    const { OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL } = win32;
    return OwnedHandle.fromRaw(
      win32.CreateFileW(file, access, 7, null, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0),
    );
  }
  const access = { r: posix.O_RDONLY, w: posix.O_WRONLY, "r+": posix.O_RDWR }[mode];
  return OwnedHandle.fromRaw(posix.open(file, access | posix.O_CLOEXEC));
}

/** A number that no thread of a runtime gets: POSIX gives out the lowest one that is free. */
const HIGH = 700;

/**
 * As {@linkcode openRaw}, with a number that other threads do not get when a test closes it behind the back of its
 * owner. Wine, too, gives out the lowest number first; what Windows does is not documented.
 */
export function openApart(file: string, mode: "r" | "w" | "r+"): OwnedHandle {
  using low = openRaw(file, mode);
  if (!isWindows) return low.duplicate({ minimum: HIGH });
  const lower = Array.from({ length: 64 }, () => low.duplicate());
  const high = low.duplicate();
  for (const handle of lower) handle.close();
  return high;
}

/** Makes a pipe by the system's own call. */
export function pipeRaw(): { reader: OwnedHandle; writer: OwnedHandle } {
  const [reader, writer] = isWindows ? win32.CreatePipe() : posix.pipe2(posix.O_CLOEXEC);
  return { reader: OwnedHandle.fromRaw(reader), writer: OwnedHandle.fromRaw(writer) };
}

/** Reads up to so many bytes as text; "" at the end. */
export function readRaw(raw: number, bytes: number): string {
  const buffer = new Uint8Array(bytes);
  const count = isWindows ? win32.ReadFile(raw, buffer) : posix.read(raw, buffer);
  return new TextDecoder().decode(buffer.subarray(0, count));
}

/** Writes text. */
export function writeRaw(raw: number, text: string): number {
  const bytes = new TextEncoder().encode(text);
  return isWindows ? win32.WriteFile(raw, bytes) : posix.write(raw, bytes);
}

/** The position in bytes. */
export function positionOf(raw: number): number {
  return isWindows
    ? win32.SetFilePointerEx(raw, 0, win32.FILE_CURRENT)
    : posix.lseek(raw, 0, posix.SEEK_CUR);
}

/** The number of a handle that no process can have: neither system gives out one that is so high. */
export const NEVER_OPEN = 0x7fff_fff0;

/**
 * Whether a number is open and refers to the object of another handle. A number that is closed may be
 * another object's in the next moment, since a runtime's threads open handles of their own.
 */
export function refersTo(raw: number, other: OwnedHandle): boolean {
  try {
    return isSameObject(borrow(raw), other);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "EBADF") return false;
    if (code === "ENOTSUP") return true; // a kernel that does not compare says so of one file only
    throw error;
  }
}

/** Closes a handle behind everybody's back. */
export function closeRaw(raw: number): void {
  if (isWindows) win32.CloseHandle(raw);
  else posix.close(raw);
}
