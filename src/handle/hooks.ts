/**
 * The hooks of handles: the classes, and the functions of the operating system that return new handles,
 * report to one observer. Without an observer a hook costs one load and one comparison.
 */
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * Observes the handles of this thread. Each method runs before what it is named after, and may throw to
 * prevent it; `onCreate`, `onNumber` and `onReplace` run after it.
 *
 * An owner is an `OwnedHandle`. Its class imports this module, so that its type cannot stand here.
 */
export interface HandleObserver {
  /** An owner was made. */
  onCreate(owner: object, raw: RawHandle): void;
  /** The handle of an owner is used: its `raw` is read, or it is borrowed. */
  onUse(owner: object, member: "raw" | "borrow"): void;
  /** The `closed` of an owner is read. */
  onReadClosed(owner: object): void;
  /** `release()` is called. */
  onRelease(owner: object): void;
  /** `close()` is called. Returns whether the owner is to close its handle. */
  onClose(owner: object): boolean;
  /** The system refused to close the handle of an owner, after `onClose`: it is open still. */
  onCloseRefused(owner: object): void;
  /** A `using` block ends. Returns whether the owner is to call its `close()`. */
  onDispose(owner: object): boolean;
  /** The handle of an owner is closed together with others, without a call of its `close()`. */
  onReleaseForBatch(owner: object): void;
  /** The operating system returned a new handle. */
  onNumber(raw: RawHandle): void;
  /** A descriptor refers to another object now, because `duplicateOnto` replaced it. */
  onReplace(target: RawHandle): void;
}

/** The observer of this thread; `undefined` while there is none. */
export let observer: HandleObserver | undefined;

/** Sets the observer, or removes it. */
export function setObserver(next: HandleObserver | undefined): void {
  observer = next;
}

/**
 * Reports a new handle of the operating system, and returns it.
 *
 * @param close closes the handle, which no other code has yet, when the observer throws
 */
export function reportNumber(raw: RawHandle, close: (raw: RawHandle) => void): RawHandle {
  try {
    observer?.onNumber(raw);
  } catch (error) {
    try {
      close(raw);
    } catch {
      // What the observer throws says more.
    }
    throw error;
  }
  return raw;
}
