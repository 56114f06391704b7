/**
 * The two names of a server on Linux: of its socket, and of its wake-up socket. Whoever takes them holds a
 * lock meanwhile, so that of two that start at once exactly one gets both.
 */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { O_CLOEXEC, O_CREAT, O_NONBLOCK, O_RDWR, SEEK_END } from "../../ffi/posix/constants.ts";
import { close } from "../../ffi/posix/dup.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { lseek, open } from "../../ffi/posix/file.ts";
import {
  type Identity,
  identityOf,
  identityOfName,
  isSameFile,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../ffi/posix/identity.ts";
import { libc } from "../../ffi/posix/libc.ts";
import { tryLock } from "../../ffi/posix/locks.ts";
import { connectTo, listenAt, noFollow, unlink } from "../../ffi/posix/unix_socket.ts";
import { closeAll } from "../handle/raw.ts";
import { attemptEach } from "../util/attempts.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { BACKLOG, bindWakeups, wakeupPath, type WakeupSocket } from "./posix_wakeup.ts";

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
 * @throws {HandleError} `EADDRINUSE` when a process listens at one of the names, or it is no socket
 */
export async function takeNames(path: string): Promise<NamedSockets> {
  const lockPath = `${path}.duphandle-lock`;
  let lock = lockName(lockPath);
  for (let attempt = 1; lock === undefined; attempt++) {
    if (attempt === MAX_ATTEMPTS) {
      throw inUseError(path, "another process holds its lock; see whether it was stopped");
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    lock = lockName(lockPath);
  }
  try {
    return bindBoth(path);
  } finally {
    // While it is locked: who waits for the lock sees that the name is another file's, or none's.
    tryOrUndefined(() => unlink(lockPath));
    closeAll([lock]);
  }
}

/** Opens and locks the lock file; `undefined` while another process has it locked. */
function lockName(lockPath: string): number | undefined {
  const flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | noFollow();
  const fd = open(lockPath, flags, 0o600);
  try {
    requireLockFile(fd, lockPath);
    if (tryLock(fd) && isSameFile(identityOf(fd), identityOfName(lockPath))) return fd;
  } catch (error) {
    closeAll([fd]);
    throw error;
  }
  closeAll([fd]);
  return undefined;
}

/** Throws when it is a file with content, or no file: that is no lock of this library, and would be removed. */
function requireLockFile(fd: number, lockPath: string): void {
  const identity = identityOf(fd);
  if (identity === undefined) throw posixError(libc().errno[0]!, "statx", fd, lockPath);
  const isFile = (identity.mode & S_IFMT) === S_IFREG;
  if (isFile && lseek(fd, 0, SEEK_END) === 0) return;
  throw inUseError(lockPath, "there is a file that is no lock; move it, or use another path");
}

function bindBoth(path: string): NamedSockets {
  const bell = wakeupPath(path);
  const folder = folderOf(path);
  // The working folder may be another one when the server closes.
  const lasting = (name: string) => `${folder}${name}`;
  // The wake-up socket first: a server that listens there hears no more of it than of a client.
  const abandoned = [bell, path].filter(isAbandoned);
  for (const name of abandoned) unlink(name);
  // So where the path is, clients find the wake-up socket, too.
  const wakeups = bindWakeups(bell);
  const bellIdentity = identityOfName(bell);
  let listener: number;
  try {
    listener = listenAt(path, BACKLOG);
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

/**
 * Whether a name is that of a socket whose server has ended; `false` when there is nothing.
 *
 * @throws {HandleError} `EADDRINUSE` when it is anything else
 */
function isAbandoned(path: string): boolean {
  const mode = identityOfName(path)?.mode;
  if (mode === undefined) return false;
  if ((mode & S_IFMT) !== S_IFSOCK) {
    throw inUseError(path, "there is a file that is no socket; move it, or use another path");
  }
  try {
    close(connectTo(path));
  } catch (error) {
    if (hasCode(error, "ECONNREFUSED")) return true;
    if (hasCode(error, "ENOENT")) return false;
    if (hasCode(error, "EMFILE", "ENFILE", "ENOMEM")) throw error;
  }
  throw inUseError(path, "another process listens there: end it, or use another path");
}

function removeIfSame(path: string, identity: Identity | undefined): void {
  if (isSameFile(identityOfName(path), identity)) unlink(path);
}

function inUseError(path: string, why: string): HandleError {
  return failure("EADDRINUSE", "bind", { message: `Cannot listen at ${path}: ${why}` });
}
