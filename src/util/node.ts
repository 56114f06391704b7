/**
 * What the runtime has: modules of Node, found without an import that a bundler would follow, threads, and
 * `Deno.FsFile`.
 */
import type { FileHandle } from "node:fs/promises";
import { failure } from "../../ffi/error.ts";
import { builtin, keptBuiltin } from "../../ffi/host.ts";

type Kept<Name extends "node:fs" | "node:net"> = NonNullable<ReturnType<typeof keptBuiltin<Name>>>;

/** What is used of the runtime's own `node:fs`, as {@linkcode keptBuiltin} has it. */
export function nodeFs(): Kept<"node:fs"> {
  return keptBuiltin("node:fs")!;
}

/** What is used of the runtime's own `node:net`, as {@linkcode keptBuiltin} has it. */
export function nodeNet(): Kept<"node:net"> {
  return keptBuiltin("node:net")!;
}

/** The symbol with this description under which the runtime keeps something in an object of its own. */
export function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((each) => each.description === description);
}

/** Whether this process is a worker of `node:cluster`, whose primary process listens for it. */
export function isClusterWorker(): boolean {
  return builtin<typeof import("node:cluster")>("node:cluster")?.isWorker === true;
}

/** Whether this is a worker thread; `false` where the runtime does not say. */
export function isWorker(): boolean {
  const threads = builtin<typeof import("node:worker_threads")>("node:worker_threads");
  return threads?.isMainThread === false;
}

/** Stops this thread for some milliseconds. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Makes a `FileHandle` of a descriptor. */
export type Construct = (fd: number) => FileHandle;

/**
 * Makes another `FileHandle` as this one was made: in Node the class takes an object of a class in C++, which closes
 * its descriptor when it is collected. So the class is first tried without any; `null` when that fails.
 */
export function constructLike(sample: FileHandle): Construct | null {
  try {
    const FileHandle = sample.constructor as new (from: unknown, flags?: string) => FileHandle;
    new FileHandle(undefined);
    const key = symbolOf(sample, "kHandle");
    if (key === undefined) return (fd) => new FileHandle(fd, "r");
    const { constructor } = (sample as unknown as Record<symbol, object>)[key]!;
    const Native = constructor as new (fd: number) => object;
    return (fd) => new FileHandle(new Native(fd));
  } catch {
    return null;
  }
}

/** The advice at the end of the messages. */
export const ADVICE = "open it with node:fs, which shows its descriptor";

/** The part of a `Deno.FsFile` that is used here, so that no runtime's types are needed. */
export interface DenoFile {
  statSync(): { readonly dev: number; readonly ino: number | bigint | null };
  seekSync(offset: number, whence: number): number;
  readSync(into: Uint8Array): number | null;
  tryLockSync(exclusive: boolean): boolean;
  unlockSync(): void;
  close(): void;
}

/** The part of the `Deno` namespace that is used here. */
interface DenoFiles {
  readonly FsFile: { readonly prototype: DenoFile; new (...never: never[]): DenoFile };
  readonly pid: number;
  openSync(path: string): DenoFile;
}

/** Identifies a file, whatever its names are. */
export interface FileId {
  readonly device: number;
  readonly inode: number;
}

/** Raw handles that are known to share one open file. */
export type Group = readonly [first: number, ...rest: number[]];

/** The position of a raw handle in bytes; `undefined` when it has none, or is closed by now. */
export type PositionOf = (raw: number) => number | undefined;

/** The most attempts: another thread or process may change positions and locks during one. */
export const MAX_ATTEMPTS = 3;

const SEEK_SET = 0;
const SEEK_CUR = 1;

/**
 * Deno as it was when this library was imported: a program may replace its functions later, as tests do.
 */
const deno: DenoFiles | undefined = /* @__PURE__ */ keepDeno();
/** Deno's own methods of files: methods that other code has put on an object itself are not called. */
const methods: DenoFile | undefined = /* @__PURE__ */ keepMethods();

/** Deno's own files; `undefined` in another runtime. */
export function denoFiles(): DenoFiles | undefined {
  return deno;
}

/** Deno's own methods of files. There are none in another runtime, which has no file to call them on. */
export function denoMethods(): DenoFile {
  return methods!;
}

function keepDeno(): DenoFiles | undefined {
  const found = (globalThis as { Deno?: DenoFiles }).Deno;
  if (found === undefined) return undefined;
  const { FsFile, openSync, pid } = found;
  return { FsFile, openSync, pid };
}

function keepMethods(): DenoFile | undefined {
  const prototype = deno?.FsFile.prototype;
  return prototype &&
    Object.defineProperties({}, Object.getOwnPropertyDescriptors(prototype)) as DenoFile;
}

/**
 * The device and the inode of an open file, as Deno returns them; `undefined` where Deno refuses, because
 * it has the permission to write the file's path and not the one to read it.
 *
 * @throws {HandleError} `EBADF` when it is closed
 * @throws {TypeError} when it is an imitation
 */
export function identityOfFile(file: DenoFile): FileId | undefined {
  try {
    const { dev, ino } = denoMethods().statSync.call(file);
    return { device: dev, inode: Number(ino) };
  } catch (cause) {
    const { name, code } = cause as { name?: string; code?: string };
    if (name === "NotCapable" || name === "PermissionDenied") return undefined;
    if (name === "TypeError") {
      throw new TypeError("Cannot use an imitation of a Deno.FsFile as a source", { cause });
    }
    const isClosed = name === "BadResource";
    throw failure(isClosed ? "EBADF" : typeof code === "string" ? code : "EIO", "fstat", {
      message: isClosed
        ? "Cannot use a Deno.FsFile that is closed; duplicate it before it is closed"
        : `Cannot use a Deno.FsFile: Deno cannot identify its file; ${ADVICE}`,
      cause,
    });
  }
}

/** Whether the file has a position, which pipes and some devices have not. */
export function hasPosition(file: DenoFile): boolean {
  return seek(file, 0, SEEK_CUR) !== undefined;
}

/** The groups with the file's position; all of them when the position is being moved. */
export function withPositionOf(
  file: DenoFile,
  groups: readonly Group[],
  positionOf: PositionOf,
): readonly Group[] {
  const position = seek(file, 0, SEEK_CUR);
  const same = groups.filter(([fd]) => positionOf(fd) === position);
  return same.length > 0 && seek(file, 0, SEEK_CUR) === position ? same : groups;
}

/** The groups whose position moves with the file's, which is put back at once. */
export function movedWith(
  file: DenoFile,
  groups: readonly Group[],
  positionOf: PositionOf,
): readonly Group[] {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const used = groups.map(([fd]) => positionOf(fd));
    // A large one, which no program uses by chance; and a small one for devices, which may be short.
    const large = Math.floor(Math.random() * 0x7fff_fffe);
    const small = used.findIndex((_, position) => !used.includes(position));
    for (const probe of [large, small === -1 ? used.length : small]) {
      const moved = used.includes(probe) ? [] : movedTo(probe, file, groups, positionOf);
      if (moved.length > 0) return moved;
    }
  }
  return [];
}

function movedTo(
  probe: number,
  file: DenoFile,
  groups: readonly Group[],
  positionOf: PositionOf,
): readonly Group[] {
  const before = seek(file, 0, SEEK_CUR);
  if (before === undefined || before === probe) return [];
  const after = seek(file, probe, SEEK_SET);
  const moved = after === probe ? groups.filter(([fd]) => positionOf(fd) === probe) : [];
  // A position that other code has set meanwhile stays. A refused move may have set any position.
  if (after !== probe || seek(file, 0, SEEK_CUR) === probe) seek(file, before, SEEK_SET);
  return moved;
}

/** Moves the file's position; `undefined` when it has none, or cannot have this one. */
function seek(file: DenoFile, offset: number, whence: number): number | undefined {
  try {
    return denoMethods().seekSync.call(file, offset, whence);
  } catch {
    return undefined;
  }
}
