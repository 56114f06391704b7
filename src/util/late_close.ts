/**
 * Closing what a result no longer needs. The result exists by then, so it is returned whatever the close
 * says, and the error of the close becomes a warning of the process.
 */
import { isPromise } from "../../ffi/check.ts";
import { isCloseRefused } from "../../ffi/error.ts";

/** What closes a source. */
export interface Owner {
  close(): unknown;
}

/** Makes a result of a source, and closes the source, as {@linkcode consumeAll} does. */
export function consume<Made>(owner: Owner, make: () => Made): Made {
  return consumeAll([owner], make);
}

/**
 * Makes a result of sources, and closes all of them whatever the outcome. The result is returned also when
 * closing a source fails.
 */
export function consumeAll<Made>(owners: Iterable<Owner>, make: () => Made): Made {
  let made: Made;
  try {
    made = make();
  } catch (error) {
    // A source that is not open fails twice for one reason, and the first error has it.
    for (const owner of owners) closeQuietly(() => owner.close());
    throw error;
  }
  for (const owner of owners) closeOrWarn(() => owner.close());
  return made;
}

/** Closes what a result no longer needs: an error becomes a warning. */
export function closeOrWarn(close: () => unknown): void {
  settle(close, warnOfClose);
}

/** Closes what an error leaves behind: that error says more than one of the close, which is ignored. */
export function closeQuietly(close: () => unknown): void {
  settle(close, () => {});
}

/** Calls `close`, which may return the promise of a file of the runtime. */
function settle(close: () => unknown, failed: (error: unknown) => void): void {
  try {
    const closing = close();
    if (isPromise(closing)) void (closing as Promise<unknown>).then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

/** Warns of an error of a close whose result is returned: written data may be lost. */
export function warnOfClose(error: unknown): void {
  if (isCloseRefused(error)) return; // the source stays open, as after DUPLICATE_CLOSE_SOURCE
  warnOf("The call succeeded, but what it closed reported an error", error);
}

/** Makes a warning of the process, a `HandleWarning`, of an error that nobody waits for. */
export function warnOf(what: string, error: unknown): void {
  // Whatever was thrown, and whatever a program has put in place of emitWarning: the caller goes on.
  try {
    const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown };
    globalThis.process?.emitWarning?.(
      `${what}: ${message ?? error}`,
      { type: "HandleWarning", ...(typeof code === "string" ? { code } : {}) },
    );
  } catch {
    // It cannot be told.
  }
}
