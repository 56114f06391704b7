/** A descriptor on its way to an object of the runtime that owns it. */
import { failure, HandleError } from "../../ffi/error.ts";
import { O_NONBLOCK } from "../../ffi/posix/constants.ts";
import { close } from "../../ffi/posix/dup.ts";
import { fcntl_getfl, fcntl_setfl } from "../../ffi/posix/fcntl.ts";
import { localName } from "../../ffi/posix/socket_name.ts";
import { closeQuietly } from "../util/late_close.ts";
import { isClusterWorker } from "../util/node.ts";
import { isBefore, runtimeError } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { MINIMUM, movePosix } from "./posix.ts";

/**
 * A descriptor for the runtime, which never closes fds 0 to 2: their objects get another number. The handle is
 * consumed.
 */
export function owned(raw: RawHandle): number {
  return raw < MINIMUM ? movePosix(raw, false) : raw;
}

/**
 * Throws when no server of this runtime can accept from a listening socket.
 *
 * @throws {HandleError} `ENOTSUP`; nothing was done
 */
export function requireServable(raw: RawHandle): void {
  const isDeno = "Deno" in globalThis;
  // Deno 2.7 reports that it listens, and accepts nobody.
  if (isBefore("Deno", [2, 8])) {
    throw serverRefusal(
      raw,
      "that needs Deno 2.8; use serveOn() with Deno.serve or Deno.listen",
    );
  }
  if (isDeno && localName(raw)?.family === "unix") {
    throw serverRefusal(
      raw,
      "Deno's node:net closes a Unix socket twice, and the second time its number may be another file's; " +
        "use serveOn() with Deno.serve or Deno.listen",
    );
  }
  if (!isDeno && isClusterWorker()) {
    throw serverRefusal(
      raw,
      "in a worker of node:cluster the primary process listens; serve it there, or in a child of spawn()",
    );
  }
}

/** The error for a listening socket that does not become a server's. */
export function serverRefusal(handle: RawHandle, why: string): HandleError {
  return failure("ENOTSUP", "listen", {
    message: `Cannot make handle ${handle} a server's: ${why}`,
    handle,
  });
}

/** Makes an object of the runtime that owns the descriptor. When that fails, the descriptor is closed. */
export function adopt<Made>(fd: number, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    closeQuietly(() => close(fd));
    if (isNotImplemented(error)) throw tooOld(fd, error);
    throw error instanceof HandleError ? error : runtimeError(error, "fcntl", `fd ${fd}`, fd);
  }
}

/** Whether it is what an older Deno throws instead of taking a descriptor. */
function isNotImplemented(error: unknown): boolean {
  return "Deno" in globalThis && error instanceof Error &&
    error.message.startsWith("Not implemented");
}

function tooOld(handle: RawHandle, cause: unknown): HandleError {
  return failure("ENOTSUP", "fcntl", {
    message:
      `Cannot make a socket or a stream of handle ${handle}: that needs Deno 2.8; use serveOn() with ` +
      "Deno.connect for a connection",
    handle,
    cause,
  });
}

/** Sets `O_NONBLOCK`, for all who share the open file. */
export function setNonBlocking(fd: number): void {
  const flags = fcntl_getfl(fd);
  if ((flags & O_NONBLOCK) === 0) fcntl_setfl(fd, flags | O_NONBLOCK);
}
