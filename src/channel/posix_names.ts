/**
 * The two names of a server on Linux: of its socket, and of its wake-up socket. Whoever takes them holds a
 * lock meanwhile, so that of two that start at once exactly one gets both.
 */
import { BACKLOG } from "../../ffi/posix/bind.ts";
import { identityOfName } from "../../ffi/posix/identity.ts";
import {
  findAbandoned,
  inUseError,
  listenWithMode,
  lockSocketPath,
  removeIfSame,
  unlinkAbandoned,
} from "../socket/posix_path.ts";
import { attemptEach } from "../util/attempts.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { bindWakeups, wakeupPath, type WakeupSocket } from "./posix_wakeup.ts";

/** The pause between two attempts to get the lock, in milliseconds. */
const RETRY_MS = 5;
/** The most attempts: whoever has the lock for so long was stopped. */
const MAX_ATTEMPTS = 2000;

/** The sockets of a server that listen, and their names. */
export interface NamedSockets {
  /** The socket to which clients connect. */
  readonly listener: number;
  readonly wakeups: WakeupSocket;
  /** Removes the names, unless they are another server's by now. */
  removeNames(): void;
}

/**
 * Makes the two sockets of a server. A name whose server has ended is taken over; nothing else is removed.
 *
 * @param mode the permissions of the names
 * @throws {HandleError} `EADDRINUSE` when a process listens at one of the names, or it is no socket
 */
export async function takeNames(path: string, mode: number): Promise<NamedSockets> {
  let lock = lockSocketPath(path);
  for (let attempt = 1; lock === undefined; attempt++) {
    if (attempt === MAX_ATTEMPTS) {
      throw inUseError(path, "another process holds its lock; see whether it was stopped");
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    lock = lockSocketPath(path);
  }
  try {
    return bindBoth(path, mode);
  } finally {
    lock.release();
  }
}

function bindBoth(path: string, mode: number): NamedSockets {
  const bell = wakeupPath(path);
  const folder = folderOf(path);
  // The working folder may be another one when the server closes.
  const lasting = (name: string) => `${folder}${name}`;
  // The wake-up socket first: a server that listens there hears no more of it than of a client.
  const abandoned = [bell, path].filter((name) => findAbandoned(name) !== undefined);
  abandoned.forEach(unlinkAbandoned);
  // So where the path is, clients find the wake-up socket, too.
  const wakeups = bindWakeups(bell, mode);
  const bellIdentity = identityOfName(bell);
  let listener: number;
  try {
    listener = listenWithMode(path, BACKLOG, mode);
  } catch (error) {
    tryOrUndefined(() => removeIfSame(bell, bellIdentity));
    wakeups.close();
    throw error;
  }
  const pathIdentity = identityOfName(path);
  return {
    listener,
    wakeups,
    removeNames() {
      // In this order: as long as the path is a living server's, no other process takes either name.
      const names = [[lasting(bell), bellIdentity], [lasting(path), pathIdentity]] as const;
      attemptEach(names, ([name, identity]) => removeIfSame(name, identity));
    },
  };
}

/** What makes a path absolute; nothing where the runtime does not permit to know it. */
function folderOf(path: string): string {
  if (path.startsWith("/")) return "";
  try {
    return `${process.cwd()}/`;
  } catch {
    return "";
  }
}
