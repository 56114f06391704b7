/**
 * Adoption on POSIX: the runtime opens a placeholder, and `dup3` puts our object in its place. The
 * runtime's own object then refers to our kernel object. This works in all three runtimes: `node:fs` in
 * Deno accepts no descriptor that it did not open itself.
 */
import type { FileHandle } from "node:fs/promises";
import { failure, type HandleError } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import type { Adopter } from "./types.ts";
import { nodeFs } from "../util/node.ts";
import { posixPlatform } from "./posix.ts";
import { runtimeError } from "../util/runtime_error.ts";

/** The null device: every system has it, and every user may read it. */
const PLACEHOLDER = "/dev/null";

/** Adoption by a placeholder. */
export const posixAdopter: Adopter = {
  toFd(raw, inheritable) {
    try {
      const fd = openPlaceholder();
      try {
        posixPlatform.duplicateOnto(raw, fd, inheritable);
      } catch (error) {
        nodeFs().closeSync(fd);
        throw error;
      }
      return fd;
    } finally {
      posixPlatform.close(raw);
    }
  },
  async toFileHandle(raw, inheritable) {
    try {
      const file = await openPlaceholderHandle();
      try {
        posixPlatform.duplicateOnto(raw, file.fd, inheritable);
      } catch (error) {
        await file.close();
        throw error;
      }
      return file;
    } finally {
      posixPlatform.close(raw);
    }
  },
};

/** Opens a descriptor of the runtime that is to refer to another object later. */
export function openPlaceholder(): number {
  try {
    return nodeFs().openSync(PLACEHOLDER, "r");
  } catch (error) {
    throw placeholderError(error);
  }
}

async function openPlaceholderHandle(): Promise<FileHandle> {
  try {
    return await nodeFs().promises.open(PLACEHOLDER, "r");
  } catch (error) {
    throw placeholderError(error);
  }
}

/** The runtime's error as a `HandleError`: a missing permission, the limit, … */
function placeholderError(cause: unknown): HandleError {
  if (!isForbidden(cause)) return runtimeError(cause, "open", PLACEHOLDER);
  return failure("EACCES", "open", {
    message: `Cannot make the runtime own a handle: it may not read ${PLACEHOLDER}; run Deno ` +
      `with --allow-read=${PLACEHOLDER}, Node with --allow-fs-read=${PLACEHOLDER}`,
    cause,
  });
}
