/** What calls are expected to throw: the code and the status stand for one another. */
import { expect } from "vitest";

/** The source is closed or was never open. */
export const notOpen: unknown = expect.objectContaining({
  code: "EBADF",
  status: "ERROR_INVALID_HANDLE",
});
/** A right is missing. */
export const denied: unknown = expect.objectContaining({
  code: "EACCES",
  status: "ERROR_ACCESS_DENIED",
});
/** This system or runtime cannot do it. */
export const unsupported: unknown = expect.objectContaining({
  code: "ENOTSUP",
  status: "ERROR_NOT_SUPPORTED",
});
