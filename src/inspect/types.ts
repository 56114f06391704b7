/** What is known of a handle, and what looking at handles needs of a system. */
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * What a handle refers to.
 *
 * - everywhere: `"file"` with bytes on a disk or the like, `"directory"`, `"pipe"`, `"socket"`,
 *   `"terminal"` (a console), `"device"`, `"process"`
 * - Linux: `"symlink"` itself (`O_PATH | O_NOFOLLOW`), `"memory"` (memfd), `"eventfd"`, `"timerfd"`,
 *   `"signalfd"`, `"epoll"`, `"inotify"`, `"fanotify"`, `"io_uring"`, `"namespace"`
 * - Windows: `"event"`, `"mutex"`, `"semaphore"`, `"timer"`, `"section"` (a file mapping), `"thread"`,
 *   `"job"`, `"token"`, `"key"` of the registry, `"desktop"`, `"window-station"`, `"completion-port"`,
 *   `"transaction"`, `"object-directory"`, `"port"` (ALPC)
 * - `"other"`: what the system itself uses and has no name for here; a `File` of Windows of which
 *   {@linkcode listHandles} may not ask more; on macOS what the runtime does not tell
 */
export type HandleKind =
  | "file"
  | "directory"
  | "pipe"
  | "socket"
  | "terminal"
  | "device"
  | "process"
  | "symlink"
  | "memory"
  | "eventfd"
  | "timerfd"
  | "signalfd"
  | "epoll"
  | "inotify"
  | "fanotify"
  | "io_uring"
  | "namespace"
  | "event"
  | "mutex"
  | "semaphore"
  | "timer"
  | "section"
  | "thread"
  | "job"
  | "token"
  | "key"
  | "desktop"
  | "window-station"
  | "completion-port"
  | "transaction"
  | "object-directory"
  | "port"
  | "other";

/** Whether a handle may be read from and written to, or changed. */
export type HandleAccess = "none" | "read" | "write" | "read-write";

/**
 * What the system tells of a handle, at the moment when it was asked. What it does not tell is
 * not there.
 */
export interface HandleInfo {
  /** The number of the handle in its process: a descriptor on POSIX, a `HANDLE` on Windows. */
  readonly raw: RawHandle;
  /** The process that has the handle. */
  readonly pid: number;
  /** What it refers to. */
  readonly kind: HandleKind;
  /**
   * What may be done with it. On Windows an object that is no file can be read when its state may
   * be asked, and written when its state may be changed.
   */
  readonly access: HandleAccess;
  /** Windows: every right that the handle has, as `GrantedAccess`. */
  readonly accessMask?: number;
  /** Whether child processes inherit the handle. */
  readonly inheritable: boolean;
  /**
   * The path of a file, a directory, a device or a terminal: its present one, also after a move.
   * That of another process on Linux is as that process sees it, with its own root.
   */
  readonly path?: string;
  /** `true` when the path has been deleted; the object lives as long as its handles. */
  readonly deleted?: true;
  /**
   * What the system calls an object that has no path: `pipe:[4711]` and its like on Linux, where the
   * two ends of a pipe have the same; the kernel's name on Windows, such as
   * `\BaseNamedObjects\…` or `\REGISTRY\MACHINE\…`.
   */
  readonly name?: string;
  /** The position in bytes from the start, of what has one: files, memory and disks. */
  readonly position?: number;
  /**
   * How many handles share the object. On Linux those of this process (of the process that was asked
   * about) that share the open file, where the kernel has kcmp(2) and allows it; on Windows those of
   * all processes.
   */
  readonly references?: number;
  /** The device that the file is on, as `fs.fstat` has it in `dev`. */
  readonly device?: number;
  /** The number of the file on its device, as `fs.fstat` has it in `ino`, rounded to a `number`. */
  readonly inode?: number;
}

/** What looking at handles needs. One implementation per system. */
export interface InspectPlatform {
  /** What is known of a handle of this process. */
  inspect(raw: RawHandle): HandleInfo;
  /** Whether two handles of this process refer to one object. */
  isSame(a: RawHandle, b: RawHandle): boolean;
  /** What is known of every handle of a process, lowest number first. */
  list(pid: number): HandleInfo[];
}

/** A {@linkcode HandleInfo} in the making: what is not known may be `undefined`. */
export type HandleFacts =
  & Pick<HandleInfo, "raw" | "pid" | "kind" | "access" | "inheritable">
  & { readonly [Name in keyof HandleInfo]?: HandleInfo[Name] | undefined };

/** Leaves out what is not known. */
export function handleInfo(facts: HandleFacts): HandleInfo {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as unknown as HandleInfo;
}

/** The access in words. */
export function accessOf(reads: boolean, writes: boolean): HandleAccess {
  return reads ? writes ? "read-write" : "read" : writes ? "write" : "none";
}
