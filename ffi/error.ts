/**
 * The errors of this library: the class, the functions that make it, and the table that maps the names
 * of POSIX and of Win32 to each other.
 */
import { builtin, isWindows } from "./host.ts";

/**
 * The error that every failing operation on a handle throws.
 *
 * A failure has the same `code` and the same `status` on every system, so a program can compare either
 * of them. `native` differs from system to system. The message ends with what to do.
 *
 * @see https://man7.org/linux/man-pages/man3/errno.3.html
 * @see https://learn.microsoft.com/windows/win32/debug/system-error-codes
 *
 * @example
 * ```ts
 * import { duplicate, HandleError } from "duphandle";
 *
 * const copy = duplicate(2);
 * copy.close();
 * try {
 *   copy.duplicate();
 * } catch (error) {
 *   if (!(error instanceof HandleError)) throw error;
 *   console.log(error.code, error.status); // EBADF ERROR_INVALID_HANDLE
 * }
 * ```
 */
export class HandleError extends Error {
  /** `"HandleError"`. */
  override readonly name: string = "HandleError";
  /** The POSIX name on every system, such as `EBADF`. */
  readonly code: string;
  /** The Win32 name on every system, such as `ERROR_INVALID_HANDLE`. */
  readonly status: string;
  /** The number on the running system: `errno`, or the result of `GetLastError`. */
  readonly native: number;
  /** The system call that failed or, when the failure was detected before it, the call to be made. */
  readonly syscall: string;
  /** The raw handle that the call was about, if it was about one. */
  readonly handle: number | undefined;

  /**
   * Makes an error. The library does so itself; tests and wrappers may, too.
   *
   * @param message the message
   * @param fields the values of the properties
   */
  constructor(message: string, fields: HandleErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.status = fields.status;
    this.native = fields.native;
    this.syscall = fields.syscall;
    this.handle = fields.handle;
  }
}

/** The properties of a {@linkcode HandleError}, for its constructor. */
export interface HandleErrorFields {
  /** The POSIX name, such as `EBADF`. */
  readonly code: string;
  /** The Win32 name, such as `ERROR_INVALID_HANDLE`. */
  readonly status: string;
  /** The number on the running system: `errno`, or the result of `GetLastError`. */
  readonly native: number;
  /** The system call that failed, or that was to be made. */
  readonly syscall: string;
  /** The raw handle that the call was about. */
  readonly handle?: number | undefined;
  /** The error that caused this one. */
  readonly cause?: unknown;
}

/** One failure by the names of both systems. */
export interface Failure {
  /** The POSIX name, such as `EBADF`. */
  readonly code: string;
  /** The Win32 name, such as `ERROR_INVALID_HANDLE`. */
  readonly status: string;
  /** The number on the running system. */
  readonly native: number;
  /** The state in words, for the message. */
  readonly state: string;
}

/**
 * Makes the error for a failure that the system reported.
 *
 * @param subject the object of the call in words, such as `fd 3`
 * @param advice the end of the message: what to do
 */
export function systemError(
  { code, status, native, state }: Failure,
  syscall: string,
  subject: string,
  advice: string,
  handle?: number,
): HandleError {
  const names = `${code}, ${status}, ${native}`;
  const message = `Cannot ${syscall} ${subject}: ${state} (${names}); ${advice}`;
  return new HandleError(message, { code, status, native, syscall, handle });
}

/** Makes the error for a failure that is detected before the system call. */
export function failure(
  code: string,
  syscall: string,
  { message, handle, cause }: { message: string; handle?: number | undefined; cause?: unknown },
): HandleError {
  const { status, native } = failureByCode(code);
  return new HandleError(message, { code, status, native, syscall, handle, cause });
}

/** Whether it is an error of this library with one of these POSIX names. */
export function hasCode(error: unknown, ...codes: readonly string[]): error is HandleError {
  return error instanceof HandleError && codes.includes(error.code);
}

/** The number that Windows has for a handle that is not open, and for one that it does not close. */
export const ERROR_INVALID_HANDLE = 6;

/**
 * Whether the error says that a handle is protected from closing, on Windows: the handle is open still. No
 * other failure has this code together with this number.
 */
export function isCloseRefused(error: unknown): error is HandleError {
  return hasCode(error, "EPERM") && error.native === ERROR_INVALID_HANDLE;
}

/** The `cause` of an error after several attempts: all that they threw, or the only thing. */
export function causeOf(causes: readonly unknown[]): unknown {
  return causes.length > 1 ? new AggregateError(causes) : causes[0];
}

/** The failure with this POSIX name, with the number of the running system. */
export function failureByCode(code: string): Failure {
  const [, status, win32, state] = failures.find((row) => row[0] === code) ??
    [code, "ERROR_GEN_FAILURE", 31, code];
  return { code, status, native: isWindows() ? win32 : errnos()[code] ?? 0, state };
}

/** The failure with this number on the running POSIX system. */
export function failureByErrno(errno: number): Failure {
  let found = byErrno.get(errno);
  if (found === undefined) byErrno.set(errno, found = findByErrno(errno));
  return found;
}

/** The failure with this number on Windows. */
export function failureByWin32(error: number): Failure {
  const [code, status, , state] = failures.find((row) => row[2] === error) ??
    ["EIO", `ERROR_${error}`, error, `Windows error ${error}`];
  return { code, status, native: error, state };
}

const byErrno = /* @__PURE__ */ new Map<number, Failure>();

function findByErrno(errno: number): Failure {
  // Linux has two names for some numbers, such as EAGAIN and EWOULDBLOCK. The one in the table wins.
  const names = Object.keys(errnos()).filter((name) => errnos()[name] === errno);
  const code = names.find((name) => failures.some((row) => row[0] === name)) ?? names[0] ??
    `E${errno}`;
  return { ...failureByCode(code), native: errno };
}

function errnos(): Readonly<Record<string, number>> {
  return builtin<typeof import("node:os")>("node:os")?.constants.errno ?? {};
}

/**
 * Each row is a failure: its POSIX name, its Win32 name and number, and the state in words. A POSIX name
 * and a Win32 number mean the first row that has them.
 */
const failures = [
  ["EBADF", "ERROR_INVALID_HANDLE", 6, "not an open handle"],
  ["EACCES", "ERROR_ACCESS_DENIED", 5, "access denied"],
  ["EPERM", "ERROR_ACCESS_DENIED", 5, "operation not permitted"],
  ["EMFILE", "ERROR_TOO_MANY_OPEN_FILES", 4, "too many open files in this process"],
  ["ENFILE", "ERROR_TOO_MANY_OPEN_FILES", 4, "too many open files in the system"],
  ["EINVAL", "ERROR_INVALID_PARAMETER", 87, "invalid argument"],
  ["ENOTSUP", "ERROR_NOT_SUPPORTED", 50, "not supported"],
  ["ENOTSUP", "ERROR_CALL_NOT_IMPLEMENTED", 120, "not supported"],
  ["ENOSYS", "ERROR_INVALID_FUNCTION", 1, "the system has no such call"],
  ["ENOMEM", "ERROR_NOT_ENOUGH_MEMORY", 8, "out of memory"],
  ["ENOMEM", "ERROR_OUTOFMEMORY", 14, "out of memory"],
  ["ENOMEM", "ERROR_NO_SYSTEM_RESOURCES", 1450, "out of system resources"],
  ["ENOMEM", "ERROR_NOT_ENOUGH_QUOTA", 1816, "out of quota"],
  ["EBUSY", "ERROR_BUSY", 170, "busy"],
  ["EBUSY", "ERROR_SHARING_VIOLATION", 32, "in use by another process"],
  ["EBUSY", "ERROR_LOCK_VIOLATION", 33, "a part of the file is locked"],
  ["EINVAL", "ERROR_NOT_LOCKED", 158, "not locked"],
  ["EBUSY", "ERROR_PIPE_BUSY", 231, "every instance of the pipe is in use"],
  ["EINTR", "WSAEINTR", 10004, "interrupted by a signal"],
  ["EAGAIN", "ERROR_NO_DATA", 232, "temporarily unavailable"],
  ["ENOENT", "ERROR_FILE_NOT_FOUND", 2, "no such file"],
  ["ENOENT", "ERROR_PATH_NOT_FOUND", 3, "no such path"],
  ["ENOENT", "ERROR_MOD_NOT_FOUND", 126, "no such library"],
  ["ENOENT", "ERROR_PROC_NOT_FOUND", 127, "no such function"],
  ["EISDIR", "ERROR_DIRECTORY_NOT_SUPPORTED", 336, "a directory"],
  ["ENOTDIR", "ERROR_DIRECTORY", 267, "not a directory"],
  ["ELOOP", "ERROR_CANT_RESOLVE_FILENAME", 1921, "too many symbolic links"],
  ["ENAMETOOLONG", "ERROR_FILENAME_EXCED_RANGE", 206, "the name is too long"],
  ["EEXIST", "ERROR_FILE_EXISTS", 80, "already exists"],
  ["EEXIST", "ERROR_ALREADY_EXISTS", 183, "already exists"],
  ["EIO", "ERROR_IO_DEVICE", 1117, "input/output error"],
  ["ENOSPC", "ERROR_DISK_FULL", 112, "no space left"],
  ["EDQUOT", "ERROR_DISK_QUOTA_EXCEEDED", 1295, "disk quota exceeded"],
  ["EPIPE", "ERROR_BROKEN_PIPE", 109, "the other end is closed"],
  ["ESPIPE", "ERROR_SEEK_ON_DEVICE", 132, "has no position"],
  ["ENXIO", "ERROR_DEV_NOT_EXIST", 55, "no such device"],
  ["EROFS", "ERROR_WRITE_PROTECT", 19, "read-only file system"],
  ["ESRCH", "ERROR_INVALID_PARAMETER", 87, "no such process"],
  ["ECANCELED", "ERROR_OPERATION_ABORTED", 995, "cancelled"],
  ["ETIMEDOUT", "ERROR_TIMEOUT", 1460, "timed out"],
  ["ETIMEDOUT", "WAIT_TIMEOUT", 258, "timed out"],
  ["ETIMEDOUT", "ERROR_SEM_TIMEOUT", 121, "timed out"],
  ["EPERM", "ERROR_NOT_OWNER", 288, "not owned by this thread"],
  ["EOVERFLOW", "ERROR_TOO_MANY_POSTS", 298, "above the maximum count"],
  ["EINVAL", "ERROR_INVALID_NAME", 123, "invalid name"],
  ["EINVAL", "ERROR_MAPPED_ALIGNMENT", 1132, "not at a multiple of 65,536"],
  ["EMSGSIZE", "ERROR_INSUFFICIENT_BUFFER", 122, "the buffer is too small"],
  ["EMSGSIZE", "ERROR_MORE_DATA", 234, "the buffer is too small"],
  ["ENOENT", "ERROR_KEY_DELETED", 1018, "the key was deleted"],
  ["ECANCELED", "ERROR_ABANDONED_WAIT_0", 735, "closed during the wait"],
  ["EFAULT", "ERROR_INVALID_ADDRESS", 487, "bad address"],
  ["EBADF", "WSAEBADF", 10009, "not an open handle"],
  ["EACCES", "WSAEACCES", 10013, "access denied"],
  ["EFAULT", "WSAEFAULT", 10014, "bad address"],
  ["EINVAL", "WSAEINVAL", 10022, "invalid argument"],
  ["EMFILE", "WSAEMFILE", 10024, "too many open sockets"],
  ["EAGAIN", "WSAEWOULDBLOCK", 10035, "temporarily unavailable"],
  ["EINPROGRESS", "WSAEINPROGRESS", 10036, "in progress"],
  ["EALREADY", "WSAEALREADY", 10037, "already in progress"],
  ["ENOTSOCK", "WSAENOTSOCK", 10038, "not a socket"],
  ["EDESTADDRREQ", "WSAEDESTADDRREQ", 10039, "no destination address"],
  ["EMSGSIZE", "WSAEMSGSIZE", 10040, "the message is too long"],
  ["EPROTOTYPE", "WSAEPROTOTYPE", 10041, "the wrong protocol for the type"],
  ["ENOPROTOOPT", "WSAENOPROTOOPT", 10042, "no such option"],
  ["EPROTONOSUPPORT", "WSAEPROTONOSUPPORT", 10043, "no such protocol"],
  ["ENOTSUP", "WSAEOPNOTSUPP", 10045, "not supported"],
  ["EAFNOSUPPORT", "WSAEAFNOSUPPORT", 10047, "no such address family"],
  ["EADDRINUSE", "WSAEADDRINUSE", 10048, "address in use"],
  ["EADDRNOTAVAIL", "WSAEADDRNOTAVAIL", 10049, "not an address of this machine"],
  ["ENETDOWN", "WSAENETDOWN", 10050, "the network is down"],
  ["ENETUNREACH", "WSAENETUNREACH", 10051, "the network is unreachable"],
  ["ENETRESET", "WSAENETRESET", 10052, "the network dropped the connection"],
  ["ECONNABORTED", "WSAECONNABORTED", 10053, "this machine aborted the connection"],
  ["ECONNRESET", "WSAECONNRESET", 10054, "the other side reset the connection"],
  ["ENOBUFS", "WSAENOBUFS", 10055, "no buffer space"],
  ["EISCONN", "WSAEISCONN", 10056, "already connected"],
  ["ENOTCONN", "WSAENOTCONN", 10057, "not connected"],
  ["EPIPE", "WSAESHUTDOWN", 10058, "shut down"],
  ["ETIMEDOUT", "WSAETIMEDOUT", 10060, "timed out"],
  ["ECONNREFUSED", "WSAECONNREFUSED", 10061, "no process listens there"],
  ["EHOSTUNREACH", "WSAEHOSTUNREACH", 10065, "the machine is unreachable"],
  ["EPROTO", "ERROR_INVALID_DATA", 13, "the other side broke the protocol"],
  ["EPIPE", "ERROR_PIPE_NOT_CONNECTED", 233, "the other end is closed"],
  ["ETOOMANYREFS", "WSAETOOMANYREFS", 10059, "too many descriptors in flight"],
  ["EIO", "ERROR_GEN_FAILURE", 31, "an error without a more specific code"],
] as const;
