/** What tests expect: of calls that throw the code and the status, which stand for one another; of counts. */
import { expect } from "vitest";
import { isWindows } from "./system.ts";

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

/** How many handles are left: none. On Windows a runtime makes an event for a lock when it is first waited for. */
export const noneLeft: unknown = expect.toBeOneOf(isWindows ? [0, 1, 2] : [0]);
