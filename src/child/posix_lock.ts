/**
 * One start of a child at a time in this process. While a child starts, inheritable handles are made not
 * inheritable; a thread that made them inheritable again too soon would let the child of another thread
 * have them. Threads share no variables, so the lock is one of the kernel: that of flock(2) on a folder
 * of /proc, which is another one for each process.
 */
import { hasCode } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { O_CLOEXEC, O_RDONLY } from "../../ffi/posix/constants.ts";
import { open } from "../../ffi/posix/file.ts";
import { identityAt, openDescriptors } from "../../ffi/posix/identity.ts";
import { ownerThread, setOwnerThread, tryLock, unlock } from "../../ffi/posix/locks.ts";
import { holdsLock, linkText } from "../../ffi/posix/proc.ts";
import { closeAll } from "../handle/raw.ts";
import { MINIMUM, movePosix } from "../handle/posix.ts";
import { sleep } from "../util/node.ts";
import { shared } from "../util/shared.ts";
import { tryOrUndefined } from "../util/platform.ts";

/** The folder that is locked. */
const PLACE = "/proc/self/fdinfo";
/** The pause between two attempts, in milliseconds. */
const RETRY_MS = 1;
/** The most attempts: then the child starts without the lock, since a thread may be stopped for good. */
const MAX_ATTEMPTS = 10_000;
/** The number of attempts after which the thread that has the lock is looked for. */
const ATTEMPTS_BEFORE_SEARCH = 32;

/**
 * Whether this thread has the lock, by whichever copy of this library: a program that runs in mid-start may
 * start another child.
 */
const own = (): { isLocked: boolean } => shared("startLock", 1, () => ({ isLocked: false }));

/**
 * Calls `start` while no other thread of this process does so. Without /proc it calls it all the same.
 *
 * @param start gets a descriptor of no file of the user; this function closes it
 * @throws {HandleError} `EMFILE` and other failures to open that descriptor; `start` was not called
 */
export function startAlone<Result>(start: (neutral: number) => Result): Result {
  const state = own();
  const lock = state.isLocked || osName() !== "linux" ? undefined : openPlace();
  const neutral = lock ?? openNeutral("/dev/null");
  try {
    if (lock !== undefined) waitForLock(lock);
    if (lock !== undefined) state.isLocked = true;
    return start(neutral);
  } finally {
    if (lock !== undefined) {
      state.isLocked = false;
      unlock(lock); // a child that another program of this process forks now has a duplicate of it
    }
    closeAll([neutral]);
  }
}

/** Opens a file that is always there, under a number above those of the standard descriptors. */
export function openNeutral(path: string): number {
  const fd = open(path, O_RDONLY | O_CLOEXEC);
  return fd >= MINIMUM ? fd : movePosix(fd, false);
}

function openPlace(): number | undefined {
  try {
    return openNeutral(PLACE);
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

/** Waits for the lock. Where the kernel has none of this kind, such as in a sandbox, it does not wait. */
function waitForLock(lock: number): void {
  try {
    setOwnerThread(lock); // before it is locked, so that whoever waits always finds the owner
    lockWhenFree(lock);
  } catch (error) {
    if (!hasCode(error, "ENOSYS", "EINVAL", "ENOTSUP", "EPERM")) throw error;
  }
}

function lockWhenFree(lock: number): void {
  for (let attempt = 1; !tryLock(lock) && attempt < MAX_ATTEMPTS; attempt++) {
    if (attempt % ATTEMPTS_BEFORE_SEARCH === 0) unlockAbandoned(lock);
    sleep(RETRY_MS);
  }
}

/** Unlocks what a thread has left locked that was ended in mid-start. Its descriptor stays open. */
function unlockAbandoned(ours: number): void {
  const pathOf = (fd: number) => tryOrUndefined(() => linkText(`/proc/self/fd/${fd}`));
  const place = pathOf(ours);
  for (const fd of openDescriptors()) {
    if (fd !== ours && pathOf(fd) === place && holdsLock(fd) && hasOwnerEnded(fd)) unlock(fd);
  }
}

function hasOwnerEnded(fd: number): boolean {
  const thread = tryOrUndefined(() => ownerThread(fd));
  if (thread === undefined) return false; // it was closed in the meantime
  return thread === 0 || identityAt(`/proc/self/task/${thread}`) === undefined;
}
