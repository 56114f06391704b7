/** What ends an attempt: its time is over, or its caller gives it up. */

/** A signal that is aborted when the time is over or another signal is. Dispose it when the attempt ends. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Starts a time limit.
 *
 * @param milliseconds the time
 * @param timeoutError makes the reason of the signal when the time is over
 * @param parent another signal, whose reason is passed on
 */
export function startDeadline(
  milliseconds: number,
  timeoutError: () => Error,
  parent: AbortSignal | undefined,
): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(timeoutError()), milliseconds);
  const onAbort = () => controller.abort(parent?.reason);
  if (parent?.aborted === true) onAbort();
  parent?.addEventListener("abort", onAbort);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent?.removeEventListener("abort", onAbort);
    },
  };
}
