/** The errors of listening at a named pipe and of connecting to one. */
import { failure, failureByCode, HandleError, hasCode } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { runtimeError } from "../util/platform.ts";

/** All instances of the pipe are in use: for a moment, or because the server has closed. */
export const ERROR_PIPE_BUSY = 231;
/** What the runtimes call a pipe that is busy, or that ends at that moment. */
const PASSING_CODES: readonly string[] = [
  "EAGAIN",
  "EBUSY",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EIO",
  "ENOENT",
  "ENOTCONN",
  "EPIPE",
  "ETIMEDOUT",
];

/** Whether an error of connecting says nothing more than that the pipe is busy or has gone. */
export function mayPass(error: unknown): boolean {
  if (error instanceof HandleError) return error.native === ERROR_PIPE_BUSY;
  const code = codeOf(error);
  // A code that has no number on Windows is a runtime's own.
  return typeof code !== "string" || PASSING_CODES.includes(code) ||
    failureByCode(code).status === "ERROR_GEN_FAILURE";
}

/** The error for a listener that the runtime could not make, with the code of its cause. */
export function listenError(path: string, cause: unknown): HandleError {
  if (isForbidden(cause)) return permissionError(path, cause);
  if (codeOf(cause) === "EADDRINUSE") return inUseError(path, cause);
  if (!isDenied(cause)) return runtimeError(cause, "CreateNamedPipe", path);
  return failure("EACCES", "CreateNamedPipe", {
    message: `Cannot listen at ${path}: the system does not allow this process to make the ` +
      "pipe; use another name",
    cause,
  });
}

/** The error for a name at which a process listens or channels are open. */
export function inUseError(path: string, cause?: unknown): HandleError {
  return failure("EADDRINUSE", "CreateNamedPipe", {
    message:
      `Cannot listen at ${path}: a pipe of this name exists, of a process that listens or of ` +
      "channels that are still open; close them, or use another name",
    cause,
  });
}

/** The error for a name that the system does not accept for a pipe. */
export function nameError(path: string, cause: unknown): HandleError {
  return failure("EINVAL", "WaitNamedPipeW", {
    message: `Cannot use ${path} as the name of a pipe: the system accepts no such name; use ` +
      "letters and digits after the prefix",
    cause,
  });
}

/** The error for a connection that was not made, and will not be. */
export function connectError(path: string, cause: unknown): HandleError {
  if (isForbidden(cause)) return permissionError(path, cause);
  const code = isDenied(cause) ? "EACCES" : mayPass(cause) ? "ENOENT" : codeOf(cause);
  if (code !== "EACCES" && code !== "ENOENT") {
    return cause instanceof HandleError ? cause : runtimeError(cause, "CreateFileW", path);
  }
  const why = code === "EACCES"
    ? "it belongs to another user; connect to a process of this user"
    : "no process listens there; start the process that does, or check the name";
  return failure(code, "CreateFileW", { message: `Cannot connect to ${path}: ${why}`, cause });
}

/** What ends an attempt to connect while all instances were in use: the time limit, or the caller's reason. */
export function busyError(path: string, reason: unknown): unknown {
  if (!hasCode(reason, "ETIMEDOUT")) return reason;
  return failure("ECONNREFUSED", "CreateFileW", {
    message:
      `Cannot connect to ${path}: no connection was accepted in time; the server was closed and ` +
      "its channels are still open, or it is too busy: start a server with another name, or try again",
    cause: reason,
  });
}

/** The error for a permission that Deno requires. */
function permissionError(path: string, cause: unknown): HandleError {
  return failure("EACCES", "CreateFileW", {
    message: `Cannot use ${path}: Deno does not permit it; run with --allow-all, which Deno ` +
      "requires for pipes",
    cause,
  });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

/** Whether the system, or the runtime, says that this process may not. */
export function isDenied(error: unknown): boolean {
  return codeOf(error) === "EACCES" || codeOf(error) === "EPERM";
}
