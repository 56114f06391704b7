/**
 * `Deno.FsFile`, which does not show its descriptor. The descriptor of a source is searched for. A result
 * is a placeholder that Deno opened, which is made to refer to our object.
 */
import { failure } from "../../ffi/error.ts";
import { isForbidden, isWindows, osName } from "../../ffi/host.ts";
import { fcntl_getfd } from "../../ffi/posix/fcntl.ts";
import {
  type DenoFile,
  denoFiles,
  descriptorOfNew,
  descriptorsOf,
  identityOfFile,
} from "./deno_file_find.ts";
import { posixPlatform } from "./posix.ts";
import { closeQuietly, consume } from "../util/late_close.ts";
import { runtimeError } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/**
 * `Deno.FsFile` where Deno's types are known, and nothing elsewhere: no other runtime has one.
 *
 * On Linux it is a source like any other. It does not show its descriptor, so the descriptor is searched
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

/** The null device. Adopting by node:fs uses it too, so that one permission is enough for both. */
const PLACEHOLDER = "/dev/null";

/**
 * The descriptors that certainly are the file's own. Such a number stays the file's as long as the file
 * is open, whatever other threads do.
 */
const ownDescriptors = /* @__PURE__ */ new WeakMap<DenoFile, number>();

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
 * The descriptor of a `Deno.FsFile`, on Linux.
 *
 * It is found by device and inode, in about 1 microsecond for each open descriptor, and remembered.
 * More is needed only where the same file was opened several times: the kernel compares, then the
 * positions are compared. Where
 * these leave a choice, the file's position is moved and put back at once: a thread or process that uses
 * the same position in that moment would see it moved. A file without a position gets a shared lock for
 * a moment instead, unless it has a lock already.
 *
 * Where several descriptors share the open file, any of them is returned: a duplicate of it is the same,
 * as long as no other thread closes it before. It needs no permission beside `--allow-ffi`; without
 * `--allow-read` for the file's path all descriptors are compared.
 *
 * @throws {HandleError} `EBADF` when the file is closed; `ENOTSUP` when its descriptor cannot be
 * told from those of other open files, and on systems other than Linux
 * @throws {TypeError} when it is not a `Deno.FsFile` but an imitation of one
 */
export function rawOfFsFile(file: FsFile): RawHandle {
  requireLinux("duplicate");
  const known = ownDescriptors.get(file);
  const identity = identityOfFile(file);
  if (known !== undefined) return known;
  const found = descriptorsOf(file, identity);
  if (found.length === 1) ownDescriptors.set(file, found[0]!);
  return found[0]!;
}

/**
 * A `Deno.FsFile` on the object that the raw handle refers to, on Linux. It consumes the handle,
 * whatever the outcome.
 *
 * Deno opens the null device, and our object takes its place there. That needs
 * `--allow-read=/dev/null`, as adopting by node:fs does. Where other descriptors of the null device are
 * open, the new one is found by a lock: no other code has the new file yet, so only its descriptor shows
 * the lock. To Deno's permissions the file stays the null device: `utime` needs
 * `--allow-write=/dev/null`.
 *
 * @param raw the descriptor to consume
 * @param inheritable whether child processes inherit the file's descriptor
 * @throws {HandleError} `EBADF` when the handle is not open; `EMFILE`; `EACCES` when the permission
 * is missing; `EBUSY` when another process keeps the null device locked; `ENOTSUP` on systems other
 * than Linux
 */
export function fsFileFrom(raw: RawHandle, inheritable: boolean = false): FsFile {
  // A closed one must not be closed again: the placeholder may get its number.
  if (osName() === "linux") fcntl_getfd(raw);
  return consume({ close: () => platform().close(raw) }, () => copyToFsFile(raw, inheritable));
}

/**
 * A `Deno.FsFile` as {@linkcode fsFileFrom} makes it. The handle stays the caller's, and no other handle to
 * its object is closed.
 *
 * @throws {HandleError} as {@linkcode fsFileFrom}
 */
export function copyToFsFile(raw: RawHandle, inheritable: boolean): FsFile {
  requireLinux("make");
  const file = openPlaceholder();
  try {
    const fd = descriptorOfNew(file);
    posixPlatform.duplicateOnto(raw, fd, inheritable);
    ownDescriptors.set(file, fd);
    return file as FsFile;
  } catch (error) {
    closeQuietly(() => file.close());
    throw error;
  }
}

function openPlaceholder(): DenoFile {
  try {
    return denoFiles()!.openSync(PLACEHOLDER);
  } catch (cause) {
    if (!isForbidden(cause)) throw runtimeError(cause, "open", PLACEHOLDER);
    throw failure("EACCES", "open", {
      message: `Cannot make a Deno.FsFile: Deno may not read ${PLACEHOLDER}; ` +
        `run it with --allow-read=${PLACEHOLDER}`,
      cause,
    });
  }
}

/** On other systems the handle of a file cannot be found with certainty, and a file cannot be made. */
function requireLinux(action: "duplicate" | "make"): void {
  if (osName() === "linux") return;
  const advice = action === "make"
    ? "keep the handle, or use toFileHandle()"
    : isWindows()
    ? "open the file with CreateFileW of duphandle/win32 and use OwnedHandle.fromRaw()"
    : "open the file with node:fs, which shows its descriptor";
  throw failure("ENOTSUP", action === "make" ? "open" : "fstat", {
    message: `Cannot ${action} a Deno.FsFile on this system: its handle can be found with ` +
      `certainty only on Linux; ${advice}`,
  });
}
