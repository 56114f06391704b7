/** The fingerprint of an object on Windows. */
import { FILE_TYPE_DISK, WAIT_TIMEOUT } from "../../ffi/win32/constants.ts";
import { GetFileType } from "../../ffi/win32/file.ts";
import { diskFileOf } from "../../ffi/win32/inspect.ts";
import { kindOf, NtQueryObject, objectName } from "../../ffi/win32/object.ts";
import { GetProcessId } from "../../ffi/win32/process.ts";
import { GetThreadId } from "../../ffi/win32/thread.ts";
import { WaitForSingleObject } from "../../ffi/win32/wait.ts";
import { tryOrUndefined } from "../util/platform.ts";
import type { Fingerprint } from "./types.ts";

/** The rights and the kind of a handle, and what identifies its object. */
export function windowsFingerprint(handle: number): Fingerprint {
  const { GrantedAccess } = NtQueryObject(handle);
  const kind = kindOf(handle);
  return [GrantedAccess, kind, ...identityOf(handle, kind)];
}

/** What identifies an object of a kind, where the system answers without waiting. */
function identityOf(handle: number, kind: string): Fingerprint {
  switch (kind) {
    case "Process":
      return [tryOrUndefined(() => GetProcessId(handle))];
    case "Thread":
      return [tryOrUndefined(() => GetThreadId(handle))];
    case "File":
      return fileIdentity(handle);
    default:
      return [objectName(handle)];
  }
}

/**
 * While another thread waits for an operation on the file, the system does not answer: then nothing is
 * known. The number of the volume is left out: Wine forgets it when the file is moved or deleted.
 */
function fileIdentity(handle: number): Fingerprint {
  if (tryOrUndefined(() => WaitForSingleObject(handle, 0)) === WAIT_TIMEOUT) return [];
  const type = tryOrUndefined(() => GetFileType(handle));
  return [type, type === FILE_TYPE_DISK ? diskFileOf(handle)?.inode : undefined];
}
