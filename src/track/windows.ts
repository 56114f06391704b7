/** What tells one object of Windows from another, by its handle alone. */
import { FILE_TYPE_DISK, WAIT_TIMEOUT } from "../../ffi/win32/constants.ts";
import { GetFileType } from "../../ffi/win32/file.ts";
import { diskFileOf } from "../../ffi/win32/inspect.ts";
import { kindOf, NtQueryObject, objectName } from "../../ffi/win32/object.ts";
import { GetProcessId } from "../../ffi/win32/process.ts";
import { GetThreadId } from "../../ffi/win32/thread.ts";
import { WaitForSingleObject } from "../../ffi/win32/wait.ts";
import { tryOrUndefined } from "../util/try_or_undefined.ts";
import type { Fingerprint } from "./types.ts";

/** The rights and the kind of a handle, and what names its object. */
export function windowsFingerprint(handle: number): Fingerprint {
  const { GrantedAccess } = NtQueryObject(handle);
  const kind = kindOf(handle);
  return [GrantedAccess, kind, ...windowsName(handle, kind)];
}

/** What names an object of a kind, where it can be had without waiting. */
function windowsName(handle: number, kind: string): Fingerprint {
  switch (kind) {
    case "Process":
      return [tryOrUndefined(() => GetProcessId(handle))];
    case "Thread":
      return [tryOrUndefined(() => GetThreadId(handle))];
    case "File":
      return fileName(handle);
    default:
      return [objectName(handle)];
  }
}

/**
 * The system answers for a file only when the operation has ended that another thread waits for. The
 * number of the volume is left out: Wine forgets it when the file is moved or deleted.
 */
function fileName(handle: number): Fingerprint {
  if (tryOrUndefined(() => WaitForSingleObject(handle, 0)) === WAIT_TIMEOUT) return [];
  const type = tryOrUndefined(() => GetFileType(handle));
  return [type, type === FILE_TYPE_DISK ? diskFileOf(handle)?.inode : undefined];
}
