/**
 * The one error class, and the bridge between the two vocabularies of failure: POSIX names and Win32
 * names.
 */
import { builtin, isWindows } from "./host.ts";

/** What a {@linkcode HandleError} says beside its message. */
export interface HandleErrorFields {
  /** The POSIX name on every system, such as `EBADF`. */
  readonly code: string;
  /** The Win32 name on every system, such as `ERROR_INVALID_HANDLE`. */
  readonly status: string;
  /** The running system's own number: `errno`, or what `GetLastError` returned. */
  readonly native: number;
  /** The system call that failed, or would have. */
  readonly syscall: string;
  /** The raw handle that the call was about. */
  readonly handle?: number | undefined;
  /** What led to this. */
  readonly cause?: unknown;
}

/**
 * What every failing operation on a handle throws.
 *
 * The same failure has the same `code` and the same `status` on every system, so a program
 * compares one of them and never a number. The message ends with what to do.
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
  /** The running system's own number: `errno`, or what `GetLastError` returned. */
  readonly native: number;
  /** The system call that failed, or would have. */
  readonly syscall: string;
  /** The raw handle that the call was about. */
  readonly handle: number | undefined;

  /** Makes an error; the library does so itself, tests and wrappers may. */
  constructor(message: string, fields: HandleErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.status = fields.status;
    this.native = fields.native;
    this.syscall = fields.syscall;
    this.handle = fields.handle;
  }
}

/** The error for a failure that the system reported. `advice` ends the message. */
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

/** The error for a failure that is known before the system is asked. */
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

/** What led to a failure, where several things were tried: all of it, or the one thing itself. */
export function causeOf(causes: readonly unknown[]): unknown {
  return causes.length > 1 ? new AggregateError(causes) : causes[0];
}

const rows = [
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
  ["EEXIST", "ERROR_FILE_EXISTS", 80, "exists already"],
  ["EEXIST", "ERROR_ALREADY_EXISTS", 183, "exists already"],
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
  ["EPERM", "ERROR_NOT_OWNER", 288, "another thread owns it, or none"],
  ["EOVERFLOW", "ERROR_TOO_MANY_POSTS", 298, "more than its maximum"],
  ["EINVAL", "ERROR_INVALID_NAME", 123, "not a name for this"],
  ["EINVAL", "ERROR_MAPPED_ALIGNMENT", 1132, "not at a multiple of 65,536"],
  ["EMSGSIZE", "ERROR_INSUFFICIENT_BUFFER", 122, "does not fit"],
  ["EMSGSIZE", "ERROR_MORE_DATA", 234, "does not fit"],
  ["ENOENT", "ERROR_KEY_DELETED", 1018, "the key is removed"],
  ["ECANCELED", "ERROR_ABANDONED_WAIT_0", 735, "closed meanwhile"],
  ["EFAULT", "ERROR_INVALID_ADDRESS", 487, "bad address"],
  ["EBADF", "WSAEBADF", 10009, "not an open handle"],
  ["EACCES", "WSAEACCES", 10013, "access denied"],
  ["EFAULT", "WSAEFAULT", 10014, "bad address"],
  ["EINVAL", "WSAEINVAL", 10022, "invalid argument"],
  ["EMFILE", "WSAEMFILE", 10024, "too many open sockets"],
  ["EAGAIN", "WSAEWOULDBLOCK", 10035, "temporarily unavailable"],
  ["EINPROGRESS", "WSAEINPROGRESS", 10036, "under way"],
  ["EALREADY", "WSAEALREADY", 10037, "under way already"],
  ["ENOTSOCK", "WSAENOTSOCK", 10038, "not a socket"],
  ["EDESTADDRREQ", "WSAEDESTADDRREQ", 10039, "no address to send to"],
  ["EMSGSIZE", "WSAEMSGSIZE", 10040, "the message is too long"],
  ["EPROTOTYPE", "WSAEPROTOTYPE", 10041, "the wrong protocol for the type"],
  ["ENOPROTOOPT", "WSAENOPROTOOPT", 10042, "no such option"],
  ["EPROTONOSUPPORT", "WSAEPROTONOSUPPORT", 10043, "no such protocol"],
  ["ENOTSUP", "WSAEOPNOTSUPP", 10045, "not supported"],
  ["EAFNOSUPPORT", "WSAEAFNOSUPPORT", 10047, "no such family of addresses"],
  ["EADDRINUSE", "WSAEADDRINUSE", 10048, "address in use"],
  ["EADDRNOTAVAIL", "WSAEADDRNOTAVAIL", 10049, "not an address of this machine"],
  ["ENETDOWN", "WSAENETDOWN", 10050, "the network is down"],
  ["ENETUNREACH", "WSAENETUNREACH", 10051, "the network is out of reach"],
  ["ENETRESET", "WSAENETRESET", 10052, "the network dropped the connection"],
  ["ECONNABORTED", "WSAECONNABORTED", 10053, "the connection was given up here"],
  ["ECONNRESET", "WSAECONNRESET", 10054, "the other side gave the connection up"],
  ["ENOBUFS", "WSAENOBUFS", 10055, "out of room for buffers"],
  ["EISCONN", "WSAEISCONN", 10056, "connected already"],
  ["ENOTCONN", "WSAENOTCONN", 10057, "not connected"],
  ["EPIPE", "WSAESHUTDOWN", 10058, "shut down"],
  ["ETIMEDOUT", "WSAETIMEDOUT", 10060, "timed out"],
  ["ECONNREFUSED", "WSAECONNREFUSED", 10061, "nobody listens there"],
  ["EHOSTUNREACH", "WSAEHOSTUNREACH", 10065, "the machine is out of reach"],
  ["EPROTO", "ERROR_INVALID_DATA", 13, "the other side does not speak as it should"],
  ["EPIPE", "ERROR_PIPE_NOT_CONNECTED", 233, "the other end is closed"],
  ["ETOOMANYREFS", "WSAETOOMANYREFS", 10059, "too many descriptors are on their way"],
  ["EIO", "ERROR_GEN_FAILURE", 31, "the system gave no reason that is known here"],
] as const;

/** One failure in both vocabularies. */
export interface Failure {
  /** The POSIX name, such as `EBADF`. */
  readonly code: string;
  /** The Win32 name, such as `ERROR_INVALID_HANDLE`. */
  readonly status: string;
  /** The running system's own number. */
  readonly native: number;
  /** The state in words. */
  readonly state: string;
}

/** The failure with this POSIX name, in the running system's numbers. */
export function failureByCode(code: string): Failure {
  const [, status, win32, state] = rows.find((row) => row[0] === code) ??
    [code, "ERROR_GEN_FAILURE", 31, code];
  return { code, status, native: isWindows() ? win32 : errnos()[code] ?? 0, state };
}

const byErrno = /* @__PURE__ */ new Map<number, Failure>();

/** The failure that a POSIX system calls by this number. */
export function failureByErrno(errno: number): Failure {
  let found = byErrno.get(errno);
  if (found === undefined) byErrno.set(errno, found = findByErrno(errno));
  return found;
}

function findByErrno(errno: number): Failure {
  // Two names share a number on Linux (EAGAIN and EWOULDBLOCK): the one we know comes first.
  const names = Object.keys(errnos()).filter((name) => errnos()[name] === errno);
  const code = names.find((name) => rows.some((row) => row[0] === name)) ?? names[0] ??
    `E${errno}`;
  return { ...failureByCode(code), native: errno };
}

/** The failure that Windows calls by this number. */
export function failureByWin32(error: number): Failure {
  const [code, status, , state] = rows.find((row) => row[2] === error) ??
    ["EIO", `ERROR_${error}`, error, `Windows error ${error}`];
  return { code, status, native: error, state };
}

function errnos(): Readonly<Record<string, number>> {
  return builtin<typeof import("node:os")>("node:os")?.constants.errno ?? {};
}
