/** Tracking: who forgot to close a handle, closed it twice, or closed somebody else's. */
import { checkInteger, show } from "../../ffi/check.ts";
import { checkKeys } from "../handle/options.ts";
import type { HandleReport, TrackedHandle } from "./report.ts";
import { join, leaksOf, leave, liveOf, nextSerial, type Watcher } from "./watch.ts";

/** How handles are tracked. */
export interface TrackOptions {
  /**
   * Is called with each report at once, by the call that made the mistake or found it; what it throws
   * is thrown by that call.
   */
  readonly onReport?: ((report: HandleReport) => void) | undefined;
  /** The most calls that a report shows of each place in the program. Default 16. */
  readonly stackDepth?: number | undefined;
}

const keys: readonly (keyof TrackOptions)[] = ["onReport", "stackDepth"];
const DEFAULT_DEPTH = 16;

/**
 * Sees every {@linkcode OwnedHandle} that is made while it runs, of whatever class, by whatever verb, and
 * reports the mistakes that are made with it. With `using` it stops at the end of the block.
 *
 * Get one from {@linkcode trackHandles}.
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
  readonly #watcher: Watcher;
  readonly #reports: HandleReport[];
  #isStopped: boolean;

  /** Use {@linkcode trackHandles}. */
  constructor({ onReport, stackDepth = DEFAULT_DEPTH }: TrackOptions = {}) {
    const reports: HandleReport[] = [];
    this.#reports = reports;
    this.#isStopped = false;
    this.#watcher = {
      since: nextSerial(),
      stackDepth,
      hear(report) {
        reports.push(report);
        onReport?.(report);
      },
    };
    join(this.#watcher);
  }

  /** What it has reported so far, in order: mistakes at once, leaks when it was stopped. */
  get reports(): readonly HandleReport[] {
    return [...this.#reports];
  }

  /** The handles that were made while it runs and that nobody has closed or released yet. */
  get live(): TrackedHandle[] {
    return liveOf(this.#watcher).map(({ raw, kind, created, when }) => ({
      raw,
      kind,
      created,
      when,
    }));
  }

  /**
   * The leaks if the program ended here: a report for each handle that is `live`. What turns out to be
   * closed by somebody else is no leak, and is reported as what it is.
   *
   * @returns the leaks, oldest first
   */
  leaks(): HandleReport[] {
    return leaksOf(this.#watcher, this.leaks);
  }

  /**
   * Ends the tracking and reports the leaks. The methods of every handle are as they were when no
   * other tracker runs. A second call does nothing.
   */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    try {
      for (const leak of leaksOf(this.#watcher, this.stop)) this.#watcher.hear(leak);
    } finally {
      leave(this.#watcher);
    }
  }

  /** Ends the tracking, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.stop();
  }
}

/**
 * Tracks the handles that are made from now on in this thread, until the tracker is stopped: for tests,
 * and for the hunt for a leak. It reports
 *
 * - handles that nobody has closed or released, with the calls that made them;
 * - a second `close()` and every use after `close()`, `release()` or `toFd()`, with both places;
 * - a handle that somebody else has closed, by its number; and one whose number has become another
 *   object's: using or closing that one throws `EBADF` before any harm is done;
 * - a number that was given to two owners.
 *
 * Nothing is done, asked or paid while no tracker runs. While one runs each use of a handle costs a few
 * system calls. Several may run at a time; each tells of the handles that were made since its start.
 *
 * What is known of an object is what its handle tells, as no second handle is kept that would keep a
 * pipe or a file open. On Linux that is the device, the inode, the kind and the access; on Windows the
 * kind, the rights, and the number of a file on its disk, the name of a named object or the id of a
 * process. So when a number was recycled for the same file, opened again with the same access, or, on
 * Windows, for another pipe or nameless object of the same kind and rights, it is noticed only when it
 * was a verb of this library that received the number. A number whose object is replaced by `dup3` of
 * `duphandle/posix` is reported as recycled; `duplicateOnto` and `redirect` tell the trackers. Raw
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
  return new HandleTracker({ onReport, stackDepth });
}
