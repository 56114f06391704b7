/** One start of a child at a time in this process, in all its threads; posix_lock.ts has the reason. */
import { pid } from "../../ffi/host.ts";
import { CreateMutexW, ReleaseMutex } from "../../ffi/win32/mutex.ts";
import { WaitForSingleObject } from "../../ffi/win32/wait.ts";
import { closeAll } from "../handle/raw.ts";
import { tryOrUndefined } from "../util/platform.ts";

/** The longest time to wait, in milliseconds: then the child starts without the mutex. */
const MAX_WAIT_MS = 10_000;

/**
 * Calls `start` while no other thread of this process does so. A thread may be ended while it has the
 * mutex: then the next one gets it.
 */
export function startAlone<Result>(start: () => Result): Result {
  const mutex = CreateMutexW(null, false, `Local\\duphandle-start-${pid()}`);
  try {
    WaitForSingleObject(mutex, MAX_WAIT_MS);
    return start();
  } finally {
    tryOrUndefined(() => ReleaseMutex(mutex));
    closeAll([mutex]);
  }
}
