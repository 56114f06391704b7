/** What tells one object from another by its number alone, for trackers: no second handle is kept. */
import { hasCode } from "../../ffi/error.ts";
import { isWindows, osName } from "../../ffi/host.ts";
import { O_ACCMODE, O_PATH } from "../../ffi/posix/constants.ts";
import { fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/link.ts";
import { S_IFMT } from "../../ffi/posix/mode.ts";
import { FILE_TYPE_DISK, WAIT_TIMEOUT } from "../../ffi/win32/constants.ts";
import { GetFileType } from "../../ffi/win32/file.ts";
import { kindOf, objectName } from "../../ffi/win32/kind.ts";
import { diskFileOf } from "../../ffi/win32/looking.ts";
import { NtQueryObject } from "../../ffi/win32/object.ts";
import { GetProcessId } from "../../ffi/win32/process.ts";
import { GetThreadId } from "../../ffi/win32/thread.ts";
import { WaitForSingleObject } from "../../ffi/win32/wait.ts";
import { asked } from "../util/asked.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** What does not change as long as a number refers to one object; `undefined` where it is not known. */
export type Mark = readonly (string | number | undefined)[];

/** The mark of a handle's object; `undefined` when the handle is not open. */
export function markOf(raw: RawHandle): Mark | undefined {
  try {
    return isWindows() ? windowsMark(raw) : posixMark(raw);
  } catch (error) {
    if (hasCode(error, "EBADF")) return undefined;
    throw error;
  }
}

/** Whether two marks can be of one object: nothing that is known of both differs. */
export function canBeSame(one: Mark, other: Mark): boolean {
  return one.every((fact, at) =>
    fact === undefined || other[at] === undefined || fact === other[at]
  );
}

/** The access belongs to the open file, so another opening of one path can have another mark. */
function posixMark(fd: number): Mark {
  const access = fcntl_getfl(fd) & (O_ACCMODE | O_PATH);
  const identity = osName() === "linux" ? identityOf(fd) : undefined;
  if (identity === undefined) return [access];
  const { device, inode, driver, mode } = identity;
  const kind = mode & S_IFMT;
  // Objects without a file have no kind. They may all have one inode; what they are is told by their links only.
  const name = kind === 0 ? asked(() => linkText(`/proc/self/fd/${fd}`)) : undefined;
  return [access, kind, device, inode, driver, name];
}

function windowsMark(handle: number): Mark {
  const { GrantedAccess } = NtQueryObject(handle);
  const kind = kindOf(handle);
  return [GrantedAccess, kind, ...windowsName(handle, kind)];
}

/** What names an object of a kind, where it can be had without waiting. */
function windowsName(handle: number, kind: string): Mark {
  switch (kind) {
    case "Process":
      return [asked(() => GetProcessId(handle))];
    case "Thread":
      return [asked(() => GetThreadId(handle))];
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
function fileName(handle: number): Mark {
  if (asked(() => WaitForSingleObject(handle, 0)) === WAIT_TIMEOUT) return [];
  const type = asked(() => GetFileType(handle));
  return [type, type === FILE_TYPE_DISK ? diskFileOf(handle)?.inode : undefined];
}
