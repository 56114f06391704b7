/**
 * The paths of Unix sockets on Linux: whether a process has one still, and a lock, so that of two processes that
 * take a path over one gets it.
 */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import {
  O_CLOEXEC,
  O_CREAT,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  SEEK_END,
} from "../../ffi/posix/constants.ts";
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
import { isBoundSocket } from "../../ffi/posix/sock_diag.ts";
import { chmod, connectTo, listenAt, noFollow, unlink } from "../../ffi/posix/unix_socket.ts";
import { closeAll } from "../handle/raw.ts";
import { closeQuietly } from "../util/late_close.ts";
import { tryOrUndefined } from "../util/platform.ts";

/** How often another process may remove the lock file while it is opened. */
const MAX_ATTEMPTS = 100;

/** The lock of a path. */
export interface PathLock {
  /** Ends the lock. It does not throw. */
  release(): void;
}

/**
 * Takes the lock of a path: a file beside it, which is removed again. It ends with the process at the latest.
 *
 * @returns the lock; `undefined` while another process has it
 * @throws {HandleError} `EADDRINUSE` when another file is there; the errors of open(2)
 */
export function lockSocketPath(path: string): PathLock | undefined {
  const lockPath = `${path}.duphandle-lock`;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const fd = openLockFile(lockPath);
    let isLocked = false;
    let isThere = false;
    try {
      isLocked = tryLock(fd);
      isThere = isSameFile(identityOf(fd), identityOfName(lockPath));
    } finally {
      if (!isLocked || !isThere) closeAll([fd]);
    }
    if (!isLocked) return undefined;
    if (!isThere) continue; // the process that had it has removed it meanwhile
    return {
      release() {
        // While it is locked: who waits for the lock sees that the name is another file's, or none's.
        tryOrUndefined(() => unlink(lockPath));
        closeAll([fd]);
      },
    };
  }
  return undefined;
}

/** Opens the lock file; throws when it is a file with content, or no file: that would be removed. */
function openLockFile(lockPath: string): number {
  const flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | noFollow();
  let fd: number;
  try {
    fd = open(lockPath, flags, 0o600);
  } catch (error) {
    // A folder, a link, a socket, or a lock that another user has left.
    const isOfFile = hasCode(error, "EACCES", "EISDIR", "ELOOP", "ENXIO");
    if (isOfFile && identityOfName(lockPath) !== undefined) throw noLock(lockPath);
    if (!hasCode(error, "EACCES")) throw error;
    throw failure("EACCES", "bind", {
      message:
        `Cannot listen beside ${lockPath}: this process may not make files in that folder; ` +
        "use a path in another one, or run as a user who may",
    });
  }
  try {
    const identity = identityOf(fd);
    if (identity === undefined) throw posixError(libc().errno[0]!, "statx", fd, lockPath);
    const isFile = (identity.mode & S_IFMT) === S_IFREG;
    if (isFile && lseek(fd, 0, SEEK_END) === 0) return fd;
    throw noLock(lockPath);
  } catch (error) {
    closeAll([fd]);
    throw error;
  }
}

function noLock(lockPath: string): HandleError {
  return inUseError(
    lockPath,
    "there is a file that is no lock, or another user's; move it, or use another path",
  );
}

/**
 * What is at a path when it is a socket whose process has ended; `undefined` when there is nothing.
 *
 * @throws {HandleError} `EADDRINUSE` when it is anything else
 */
export function findAbandoned(path: string): Identity | undefined {
  const identity = identityOfName(path);
  if (identity === undefined) return undefined;
  if ((identity.mode & S_IFMT) !== S_IFSOCK) {
    throw inUseError(path, "there is a file that is no socket; move it, or use another path");
  }
  try {
    close(connectTo(path));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    // A full backlog, a socket of another type, and one of another user are answers, too.
    const isAnswer = hasCode(error, "ECONNREFUSED", "EAGAIN", "EPROTOTYPE", "EACCES") &&
      error.syscall === "connect";
    if (!isAnswer) throw error;
    if (hasCode(error, "EACCES")) {
      throw inUseError(path, "there is a socket that this user may not use; use another path");
    }
    // One that is bound and does not listen yet refuses, too. The kernel lists those of this network namespace.
    if (hasCode(error, "ECONNREFUSED") && !isBoundSocket(path, identity)) return identity;
  }
  throw inUseError(path, "another process listens there: end it, or use another path");
}

/** Removes a path whose socket's process has ended. Throws as {@linkcode findAbandoned}. */
export function removeAbandoned(path: string): void {
  const abandoned = findAbandoned(path);
  if (abandoned === undefined) return;
  const now = identityOfName(path);
  if (now === undefined || isSameFile(now, abandoned)) unlinkAbandoned(path);
}

/** Removes the path of a socket whose process has ended; in a folder such as /tmp only its own user may. */
export function unlinkAbandoned(path: string): void {
  try {
    unlink(path);
  } catch (error) {
    if (!hasCode(error, "EPERM")) throw error;
    throw inUseError(path, "another user's process has left it; remove it, or use another path");
  }
}

/** Removes a path that is still the file with this identity. */
export function removeIfSame(path: string, identity: Identity | undefined): void {
  if (isSameFile(identityOfName(path), identity)) unlink(path);
}

/** Makes a socket that listens at a free path, which gets these permissions whatever the process's umask is. */
export function listenWithMode(path: string, backlog: number, mode: number): number {
  return listenAt(path, backlog, mode, (identity) => widenMode(path, mode, identity));
}

/**
 * Gives a path the permissions that the process's umask has taken away. Whoever may write to the folder may put
 * another file in its place at any moment, so what is changed is the file that was opened and looked at.
 *
 * @param identity what was at the path after it was bound
 */
export function widenMode(
  path: string,
  mode: number,
  identity: Identity | undefined,
): void {
  if (identity !== undefined && (identity.mode & ~S_IFMT) === mode) return;
  const fd = open(path, O_PATH | O_CLOEXEC | noFollow());
  try {
    const opened = identityOf(fd);
    if (!isSameFile(opened, identity) || (opened!.mode & S_IFMT) !== S_IFSOCK) {
      throw inUseError(
        path,
        "another process has replaced it: use a folder that only this user may write",
      );
    }
    chmod(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeQuietly(() => close(fd));
  }
}

/** The error for a path that is not free. */
export function inUseError(path: string, why: string): HandleError {
  return failure("EADDRINUSE", "bind", { message: `Cannot listen at ${path}: ${why}` });
}
