/** `Deno.FsFile`, which does not show its descriptor, as a source and as a result. */
import { failure } from "../../ffi/error.ts";
import { isWindows, osName } from "../../ffi/host.ts";
import { consume } from "../util/late_close.ts";
import { type DenoFile, denoFiles, identityOfFile } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { fsFiles, platform } from "./platform.ts";

/**
 * `Deno.FsFile` where Deno's types are known, and nothing elsewhere: no other runtime has one.
 *
 * On Linux and Windows it is a source like any other. It does not show its handle, so the handle is searched
 * for among those of the process. A file that cannot be told apart from another open file is refused.
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle";
 *
 * if (globalThis.Deno !== undefined) {
 *   using file = Deno.openSync("README.md");
 *   using copy = duplicate(file);
 *   console.log(copy.raw);
 * }
 * ```
 */
export type FsFile = typeof globalThis extends
  { readonly Deno: { readonly FsFile: { readonly prototype: infer File } } } ? File : never;

/**
 * The raw handles that certainly are the file's own. Such a number stays the file's as long as the file
 * is open, whatever other threads do.
 */
const ownHandles = /* @__PURE__ */ new WeakMap<DenoFile, number>();

/** Whether the value is a `Deno.FsFile`; `false` also for a proxy that throws. */
export function isFsFile(value: unknown): value is FsFile {
  try {
    const FsFile = denoFiles()?.FsFile;
    return FsFile !== undefined && (value as unknown) instanceof FsFile;
  } catch {
    return false; // a revoked proxy
  }
}

/**
 * The raw handle of a `Deno.FsFile`, on Linux and Windows.
 *
 * It is found by what identifies the file, among the handles of the process, and remembered. On Linux that takes
 * about 1 microsecond for each open descriptor.
 * More is needed only where the same file was opened several times: the kernel compares, then the
 * positions are compared. Where
 * these leave a choice, the file's position is moved and put back at once: a thread or process that uses
 * the same position in that moment would see it moved. On Linux a file without a position gets a shared lock for
 * a moment instead, unless it has a lock already. On Windows it must be a file on a disk.
 *
 * Where several handles share the open file, any of them is returned: a duplicate of it is the same,
 * as long as no other thread closes it before. It needs no permission beside `--allow-ffi`; without
 * `--allow-read` for the file's path all handles are compared.
 *
 * @throws {HandleError} `EBADF` when the file is closed; `ENOTSUP` when its handle cannot be
 * told from those of other open files, and on macOS
 * @throws {TypeError} when it is not a `Deno.FsFile` but an imitation of one
 */
export function rawOfFsFile(file: FsFile): RawHandle {
  refuseMac("duplicate");
  const known = ownHandles.get(file);
  if (known !== undefined) {
    identityOfFile(file); // throws when it is closed
    return known;
  }
  const found = fsFiles().handlesOf(file);
  if (found.length === 1) ownHandles.set(file, found[0]);
  return found[0];
}

/**
 * A `Deno.FsFile` on the object that the raw handle refers to, on Linux and Windows. It consumes the handle,
 * whatever the outcome.
 *
 * Deno opens a placeholder, and our object takes its place there. On Linux that is the null device, which needs
 * `--allow-read=/dev/null`, as adopting by node:fs does; on Windows it is `ntdll.dll` in the folder of the system.
 * On Linux, where other descriptors of the null device are
 * open, the new one is found by a lock: no other code has the new file yet, so only its descriptor shows
 * the lock. To Deno's permissions the file stays the placeholder: `utime` needs
 * `--allow-write` for it.
 *
 * @param raw the raw handle to consume
 * @param inheritable whether child processes inherit the file's handle
 * @throws {HandleError} `EBADF` when the handle is not open; `EMFILE`; `EACCES` when the permission
 * is missing; `EBUSY` when another process keeps the null device locked, or other threads took the placeholder's
 * `HANDLE` each time; `ENOTSUP` on macOS
 */
export function fsFileFrom(raw: RawHandle, inheritable: boolean = false): FsFile {
  // A closed one must not be closed again: the placeholder may get its number.
  platform().isInheritable(raw);
  return consume({ close: () => platform().close(raw) }, () => copyToFsFile(raw, inheritable));
}

/**
 * A `Deno.FsFile` as {@linkcode fsFileFrom} makes it. The handle stays the caller's, and no other handle to
 * its object is closed.
 *
 * @throws {HandleError} as {@linkcode fsFileFrom}
 */
export function copyToFsFile(raw: RawHandle, inheritable: boolean): FsFile {
  refuseMac("make");
  const { file, own } = fsFiles().copyOf(raw, inheritable);
  ownHandles.set(file, own);
  return file as FsFile;
}

/** On macOS the descriptor of a file cannot be found with certainty, and a file cannot be made. */
function refuseMac(action: "duplicate" | "make"): void {
  if (osName() === "linux" || isWindows()) return;
  const advice = action === "make"
    ? "keep the handle, or use toFileHandle()"
    : "open the file with node:fs, which shows its descriptor";
  throw failure("ENOTSUP", action === "make" ? "open" : "fstat", {
    message: `Cannot ${action} a Deno.FsFile on this system: its handle can be found with ` +
      `certainty only on Linux and Windows; ${advice}`,
  });
}
