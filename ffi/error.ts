/** The one error class, and the one place that makes it for failures found before a call. */
import { type Failure, failureByCode } from "./codes.ts";

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
