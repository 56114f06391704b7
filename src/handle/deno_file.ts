/**
 * `Deno.FsFile`, which tells no descriptor: as a source its descriptor is found by what the file
 * tells of itself, and as a result a placeholder that Deno opened is made to refer to our object.
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
import { runtimeError } from "../util/runtime_error.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/**
 * `Deno.FsFile` where Deno's types are known, and nothing elsewhere: no other runtime has one.
 *
 * It is a source like any other on Linux. It tells no descriptor, so the descriptor is looked for
 * among those of the process; what cannot be told apart from another open file is refused.
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

/** What every system has; the same as for adopting by node:fs, so that one permission serves both. */
const PLACEHOLDER = "/dev/null";

/**
 * The descriptors that are known for certain to be the file's own. Such a number keeps its meaning
 * as long as the file is open, whatever other threads do.
 */
const own = /* @__PURE__ */ new WeakMap<DenoFile, number>();

/** Whether the value is a `Deno.FsFile`, also for objects that throw when they are asked. */
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
 * It is found by device and inode, for some 100 microseconds with 70 descriptors open, and
 * remembered. Only where the same file was opened several times is more to be asked, and only
 * where kcmp(2) and the positions leave a choice the file's position is moved and at once put back.
 * A thread or process that uses the very same position in that moment would be misled. What has no
 * position gets a shared lock for a moment instead, unless there is a lock already.
 *
 * Where several descriptors share the open file, any of them is returned: it is as good for
 * duplicating at once, and until another thread closes it. No permission beside `--allow-ffi` is
 * needed; without `--allow-read` for the file's path all descriptors are compared.
 *
 * @throws {HandleError} `EBADF` when the file is closed; `ENOTSUP` when its descriptor cannot be
 * told from those of other open files, and on systems other than Linux
 * @throws {TypeError} when it is no `Deno.FsFile` but an imitation
 */
export function rawOfFsFile(file: FsFile): RawHandle {
  requireLinux("duplicate");
  const known = own.get(file);
  const identity = identityOfFile(file);
  if (known !== undefined) return known;
  const found = descriptorsOf(file, identity);
  if (found.length === 1) own.set(file, found[0]!);
  return found[0]!;
}

/**
 * A `Deno.FsFile` on the object that the raw handle refers to, on Linux. It consumes the handle,
 * whatever the outcome.
 *
 * Deno opens the null device, and our object takes its place there. That needs
 * `--allow-read=/dev/null`, as adopting by node:fs does. Where other descriptors of the null device
 * are open, the new one is the one that shows a lock when the new file has one: nobody else has it
 * yet. Deno goes on taking the file for the null device where it asks for permission: `utime`
 * needs `--allow-write=/dev/null`.
 *
 * @param raw the descriptor to consume
 * @param inheritable whether child processes inherit the file's descriptor
 * @throws {HandleError} `EBADF` when the handle is not open; `EMFILE`; `EACCES` when the permission
 * is missing; `EBUSY` when another process keeps the null device locked; `ENOTSUP` on systems other
 * than Linux
 */
export function fsFileFrom(raw: RawHandle, inheritable: boolean = false): FsFile {
  // What is not open must not be closed: its number may be the placeholder's.
  if (osName() === "linux") fcntl_getfd(raw);
  let file: DenoFile;
  try {
    requireLinux("make");
    file = takePlace(raw, inheritable);
  } catch (error) {
    platform().close(raw);
    throw error;
  }
  try {
    platform().close(raw);
  } catch (error) {
    file.close(); // nobody will receive it
    throw error;
  }
  return file as FsFile;
}

function takePlace(raw: RawHandle, inheritable: boolean): DenoFile {
  const file = openPlaceholder();
  try {
    const fd = descriptorOfNew(file);
    posixPlatform.duplicateOnto(raw, fd, inheritable);
    own.set(file, fd);
    return file;
  } catch (error) {
    file.close();
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

/** Elsewhere nothing tells for certain which handle is behind a file, or makes one around it. */
function requireLinux(verb: string): void {
  if (osName() === "linux") return;
  const instead = verb === "make"
    ? "keep the handle, or use toFileHandle()"
    : isWindows()
    ? "open the file with CreateFileW of duphandle/win32 and use OwnedHandle.fromRaw()"
    : "open the file with node:fs, which tells its descriptor";
  throw failure("ENOTSUP", verb === "make" ? "open" : "fstat", {
    message: `Cannot ${verb} a Deno.FsFile on this system: only Linux tells for certain which ` +
      `handle is behind it; ${instead}`,
  });
}
