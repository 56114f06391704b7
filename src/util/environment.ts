/** The environment variables by which the starter of this process passes handles to it. */
import { failure } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { isWorker } from "./node.ts";

/** The value of an environment variable; `undefined` when it is not set. */
export function readVariable(name: string): string | undefined {
  try {
    return globalThis.process?.env[name];
  } catch (cause) {
    if (!isForbidden(cause)) throw cause;
    throw failure("EACCES", "getenv", {
      message: `Cannot read ${name}: it is not permitted; run with --allow-env=${name}`,
      cause,
    });
  }
}

/** Each thread has its own entries, so two threads would own the same handle or channel. */
export function refuseInWorker(): void {
  if (!isWorker()) return;
  throw failure("ENOTSUP", "spawn", {
    message: "Cannot take inherited handles in a worker thread; " +
      "take them in the main thread and give the worker what release() returns",
  });
}
