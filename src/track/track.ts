/** Trackers: they report handles that were not closed, closed twice, or closed by other code. */
import { checkInteger, show } from "../../ffi/check.ts";
import { checkKeys } from "../handle/options.ts";
import type { HandleReport, TrackedHandle } from "./report.ts";
import { nextSerial, type Subscriber } from "./registry.ts";
import { leaksOf, liveOf, subscribe, unsubscribe } from "./subscription.ts";

/** How handles are tracked. */
export interface TrackOptions {
  /**
   * Is called with each report at once, by the call that made the mistake or found it. An error that it
   * throws is thrown by that call.
   */
  readonly onReport?: ((report: HandleReport) => void) | undefined;
  /** The most calls that a report shows of each place in the program. Default 16. */
  readonly stackDepth?: number | undefined;
}

const keys: readonly (keyof TrackOptions)[] = ["onReport", "stackDepth"];
const DEFAULT_DEPTH = 16;

/**
 * Makes a tracker. Its constructor is private, and a static block that called it would keep bundlers
 * from removing the class.
 */
function makeTracker(options: TrackOptions): HandleTracker {
  return Reflect.construct(HandleTracker, [options]) as HandleTracker;
}

/**
 * Tracks every {@linkcode OwnedHandle} that is made while it runs, of whatever class and by whatever
 * function, and reports the mistakes that are made with it. With `using` it stops at the end of the
 * block.
 *
 * {@linkcode trackHandles} makes one.
 *
 * @example
 * ```ts
 * import { duplicate, trackHandles } from "duphandle";
 *
 * using tracker = trackHandles();
 * using copy = duplicate(1);
 * console.log(tracker.live.map(({ raw }) => raw === copy.raw)); // [true]
 * copy.close();
 * console.log(tracker.leaks().length); // 0
 * ```
 */
export class HandleTracker implements Disposable {
  readonly #subscriber: Subscriber;
  readonly #reports: HandleReport[];
  #isStopped: boolean;

  private constructor({ onReport, stackDepth = DEFAULT_DEPTH }: TrackOptions) {
    const reports: HandleReport[] = [];
    this.#reports = reports;
    this.#isStopped = false;
    this.#subscriber = {
      since: nextSerial(),
      stackDepth,
      report(report) {
        reports.push(report);
        onReport?.(report);
      },
    };
    subscribe(this.#subscriber);
  }

  /** The reports so far, in order: mistakes at once, leaks when it was stopped. */
  get reports(): readonly HandleReport[] {
    return [...this.#reports];
  }

  /** The handles that were made while it runs and that were neither closed nor released yet. */
  get live(): TrackedHandle[] {
    return liveOf(this.#subscriber).map(({ raw, kind, created, when }) => ({
      raw,
      kind,
      created,
      when,
    }));
  }

  /**
   * The leaks if the program ended here: a report for each handle that is `live`. A handle that turns out
   * to be closed by other code is no leak: that is reported at once, as a mistake of its own.
   *
   * @returns the leaks, oldest first
   */
  leaks(): HandleReport[] {
    return leaksOf(this.#subscriber, this.leaks);
  }

  /**
   * Ends the tracking and reports the leaks. A second call does nothing.
   */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    try {
      for (const leak of leaksOf(this.#subscriber, this.stop)) this.#subscriber.report(leak);
    } finally {
      unsubscribe(this.#subscriber);
    }
  }

  /** Ends the tracking, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.stop();
  }
}

/**
 * Tracks the handles that are made from now on in this thread, until the tracker is stopped: for tests,
 * and to find a leak. It reports
 *
 * - handles that were neither closed nor released, with the calls that made them;
 * - a second `close()` and every use after `close()`, `release()` or `toFd()`, with both places;
 * - a handle that other code has closed by its number; and one whose number refers to another object
 *   by now: using or closing that one throws `EBADF` before any harm is done;
 * - a number that was given to two owners.
 *
 * While no tracker runs, a handle costs nothing more than a comparison. While one runs, each use of a
 * handle costs a few system calls. Several may run at a time; each reports the handles that were made
 * since its start.
 *
 * A tracker identifies an object by its handle alone; it keeps no second handle, which would keep a pipe
 * or a file open. On Linux it compares the device, the inode, the kind and the access; on Windows the
 * kind, the rights, and the number of a file on its disk, the name of a named object or the id of a
 * process. So when a number was recycled for the same file, opened again with the same access, or, on
 * Windows, for another pipe or nameless object of the same kind and rights, it is noticed only when a
 * function of this library received the number. A number whose object is replaced by `dup3` of
 * `duphandle/posix` is reported as recycled; one that `duplicateOnto` or `redirect` replaces is not. Raw
 * numbers, descriptors of the runtime, channels and handles of other processes are not tracked.
 *
 * @param options what to do with a report, and how much it shows
 * @returns the tracker, which its caller stops
 * @throws {TypeError} when an option is not of its kind
 *
 * @example
 * ```ts
 * import { duplicate, trackHandles } from "duphandle";
 *
 * const tracker = trackHandles();
 * const forgotten = duplicate(1);
 * const closed = duplicate(1);
 * closed.close();
 * closed.close();
 * tracker.stop();
 * console.log(tracker.reports.map(({ problem }) => problem)); // ["double-close", "leak"]
 * console.log(tracker.reports[1]?.created); // where `forgotten` was made
 * forgotten.close();
 * ```
 */
export function trackHandles(options: TrackOptions = {}): HandleTracker {
  checkKeys(options, keys);
  const { onReport, stackDepth = DEFAULT_DEPTH } = options;
  if (onReport !== undefined && typeof onReport !== "function") {
    throw new TypeError(`Cannot use ${show(onReport)} as onReport: it must be a function`);
  }
  checkInteger(stackDepth, "stackDepth", 1, 1000);
  return makeTracker({ onReport, stackDepth });
}
