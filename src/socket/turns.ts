/** Waiting for a socket that no event loop watches, and the order of those who wait. */

/** How often the first attempts are made: in the next turns of the event loop. */
const QUICK_ATTEMPTS = 8;
/** The longest pause between two attempts, in milliseconds. */
const MAX_PAUSE_MS = 32;

/** The last of the operations of each kind on each socket. */
const last: Map<string, Promise<void>> = /* @__PURE__ */ new Map();

/** Whether an operation with this key waits, or others wait for it. */
export function isBusy(key: string): boolean {
  return last.has(key);
}

/**
 * Runs an operation after those with the same key that were started before it.
 *
 * @param signal ends the wait for them: its reason is thrown, and the operation does not run
 */
export async function inTurn<Result>(
  key: string,
  signal: AbortSignal | undefined,
  operation: () => Promise<Result>,
): Promise<Result> {
  const previous = last.get(key);
  let finish = () => {};
  const own = new Promise<void>((resolve) => finish = resolve);
  // Those after this one wait for all before them, also when this one gives up.
  const all = previous === undefined ? own : previous.then(() => own);
  last.set(key, all);
  const forget = () => void (last.get(key) === all && last.delete(key));
  try {
    if (previous !== undefined) await endOf(previous, signal);
  } catch (error) {
    finish();
    void all.then(forget);
    throw error;
  }
  try {
    return await operation();
  } finally {
    finish();
    forget();
  }
}

/** Waits for a promise, and throws the reason of the signal when it is aborted first. */
async function endOf(previous: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await previous;
  let onAbort = () => {};
  const aborted = new Promise<void>((resolve) => onAbort = resolve);
  signal.addEventListener("abort", onAbort);
  try {
    await Promise.race([previous, aborted]);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Attempts something again and again, with pauses, until it has a result. It never blocks the event loop.
 *
 * @param attempt returns `undefined` when there is no result yet
 * @param signal ends the wait: its reason is thrown
 * @param progress how far it is: as long as that changes, the pauses stay short
 */
export async function until<Result>(
  attempt: () => Result | undefined,
  signal: AbortSignal | undefined,
  progress: () => number = () => 0,
): Promise<Result> {
  let before = progress();
  for (let count = 0;; count++) {
    signal?.throwIfAborted();
    const result = attempt();
    if (result !== undefined) return result;
    const now = progress();
    if (now !== before) count = 0;
    before = now;
    await pause(count < QUICK_ATTEMPTS ? 0 : 2 ** (count - QUICK_ATTEMPTS), signal);
  }
}

/** Waits for so many milliseconds; 0 for the next turn of the event loop. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      clearImmediate(turn);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    signal?.addEventListener("abort", end);
    const turn = milliseconds === 0 ? setImmediate(end) : undefined;
    const timer = milliseconds === 0
      ? undefined
      : setTimeout(end, Math.min(milliseconds, MAX_PAUSE_MS));
  });
}
