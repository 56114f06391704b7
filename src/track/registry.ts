/** The owned handles of a thread while trackers run: where each was made, and how it ended. */
import { failure } from "../../ffi/error.ts";
import { forget } from "../handle/handle.ts";
import { attemptEach } from "../util/attempts.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { canBeSame, fingerprintOf } from "./fingerprint.ts";
import { type HandleProblem, type HandleReport, reportOf, type TrackedHandle } from "./report.ts";
import { type Place, stackBelow } from "./stack.ts";
import type { Fingerprint } from "./types.ts";

/** What receives reports: a tracker. */
export interface Subscriber {
  /** The first serial number of its own handles: those that were made since its start. */
  readonly since: number;
  /** The most calls that its reports show of each stack. */
  readonly stackDepth: number;
  /** Receives a report. */
  report(report: HandleReport): void;
}

/** An owner whose creation was reported. */
export interface Entry extends TrackedHandle {
  /** The number of handles that were entered before it. */
  readonly serial: number;
  /** The fingerprint of its object; `undefined` when the handle was not open. */
  fingerprint: Fingerprint | undefined;
  /** Whether the number was found to be of no or of another object. It stays so from then on. */
  isLost: boolean;
  /** How the duty to close ended; `undefined` as long as it lasts. */
  ending: Ending | undefined;
  /** The owner, which is an `OwnedHandle`. */
  readonly owner: WeakRef<object>;
  /** The mistakes that were reported: each is reported once. */
  readonly reported: Set<HandleProblem>;
}

interface Ending {
  readonly how: "closed" | "released" | "recycled";
  readonly stack: string;
}

/** The number of handles that all registries have entered, so that each tracker knows its own. */
let count = 0;

/** The serial number of the next handle. */
export function nextSerial(): number {
  return count;
}

/** The handles of the thread, from the start of its first tracker to the stop of its last. */
export class Registry {
  /** The trackers that run. */
  readonly subscribers: Set<Subscriber> = new Set();
  /** Those that are still to be closed. */
  readonly live: Set<Entry> = new Set();
  readonly #entries: WeakMap<object, Entry> = new WeakMap();
  /** The live ones by number: one for each, unless there was a mistake. */
  readonly #byNumber: Map<RawHandle, readonly Entry[]> = new Map();
  /** The stack that closed each number last, since an owner of it was made. */
  readonly #lastCloses: Map<RawHandle, string> = new Map();

  /** An owner was made. */
  onCreate(owner: object, raw: RawHandle, place: Place): void {
    if (raw === -1) return; // this process, on Windows: there is nothing to close
    const created = this.#stack(place);
    for (const former of this.#ownersOf(raw)) {
      if (this.#isOwn(former)) this.#report("two-owners", former, created);
      else this.#endAsRecycled(former, created);
    }
    const entry: Entry = {
      raw,
      kind: owner.constructor.name,
      created,
      when: Date.now(),
      serial: count++,
      fingerprint: fingerprintOf(raw),
      isLost: false,
      ending: undefined,
      owner: new WeakRef(owner),
      reported: new Set(),
    };
    this.#entries.set(owner, entry);
    this.#byNumber.set(raw, [...this.#ownersOf(raw), entry]);
    this.#lastCloses.delete(raw);
    this.live.add(entry);
  }

  /** The system returned a new handle: so the number was closed before, also where it has an owner. */
  onNumber(raw: RawHandle, place: Place): void {
    for (const former of this.#ownersOf(raw)) this.#endAsRecycled(former, this.#stack(place));
  }

  /** The number refers to another object from now on, as its owner wanted it. */
  onReplace(raw: RawHandle): void {
    for (const entry of this.#ownersOf(raw)) {
      if (!entry.isLost) entry.fingerprint = fingerprintOf(raw);
    }
  }

  /** Before a handle is used: throws when its number refers to another object by now. */
  onUse(owner: object, place: Place): void {
    const entry = this.#entries.get(owner);
    if (entry === undefined) return;
    const ending = entry.ending ?? this.#check(entry, place);
    if (ending === undefined) return;
    if (ending.how === "recycled") throw recycledError(entry.raw);
    this.#report("use-after-close", entry, this.#stack(place), ending.stack);
  }

  /** Before `closed` is read: an owner whose number refers to another object becomes a closed one. */
  onReadClosed(owner: object, place: Place): void {
    const entry = this.#entries.get(owner);
    if (entry === undefined || entry.ending !== undefined) return;
    if (this.#isRecycled(entry)) this.#endAsRecycled(entry, this.#stack(place));
  }

  /** Before a handle is closed: whether there is anything to close. */
  onClose(owner: object, place: Place): boolean {
    const entry = this.#entries.get(owner);
    if (entry === undefined) return true;
    const ending = entry.ending ?? this.#check(entry, place);
    if (ending === undefined) {
      this.#end(entry, "closed", this.#stack(place));
      return true;
    }
    if (ending.how === "recycled") {
      // It throws once, as a close does that the system refuses.
      entry.ending = { ...ending, how: "closed" };
      throw recycledError(entry.raw);
    }
    // A close after release() is allowed: it guards a handle that is released if all goes well.
    if (ending.how === "closed") {
      this.#report("double-close", entry, this.#stack(place), ending.stack);
    }
    return false;
  }

  /** A close was refused: the handle is open still, and is to be closed again. */
  onCloseRefused(owner: object): void {
    const entry = this.#entries.get(owner);
    if (entry?.ending === undefined) return;
    entry.ending = undefined;
    this.live.add(entry);
    this.#byNumber.set(entry.raw, [...this.#ownersOf(entry.raw), entry]);
    this.#lastCloses.delete(entry.raw);
  }

  /** Whether its owner has closed it. */
  isClosed(owner: object): boolean {
    return this.#entries.get(owner)?.ending?.how === "closed";
  }

  /** Before a handle is released: throws as for a use. */
  onRelease(owner: object, place: Place): void {
    this.onUse(owner, place);
    const entry = this.#entries.get(owner);
    if (entry?.ending === undefined && entry !== undefined) {
      this.#end(entry, "released", this.#stack(place));
    }
  }

  /** The report of a leak. When other code has closed the handle, that is reported instead, at once. */
  leakOf(entry: Entry, place: Place): HandleReport | undefined {
    if (this.#isOwn(entry)) return reportOf("leak", entry, this.#stack(place));
    this.#check(entry, place);
    return undefined;
  }

  #stack(place: Place): string {
    let depth = 1;
    for (const { stackDepth } of this.subscribers) depth = Math.max(depth, stackDepth);
    return stackBelow(place, depth);
  }

  #ownersOf(raw: RawHandle): readonly Entry[] {
    return this.#byNumber.get(raw) ?? [];
  }

  /** Reports when other code has closed a handle. Returns an ending when the number was recycled. */
  #check(entry: Entry, place: Place): Ending | undefined {
    if (this.#isOwn(entry)) return undefined;
    const now = this.#stack(place);
    if (this.#isRecycled(entry)) return this.#endAsRecycled(entry, now);
    this.#report("foreign-close", entry, now, this.#lastCloses.get(entry.raw));
    return undefined;
  }

  /** Whether the number is open and can be of the object that it was of when the owner was made. */
  #isOwn(entry: Entry): boolean {
    if (entry.isLost) return false;
    const now = fingerprintOf(entry.raw);
    const { fingerprint } = entry;
    const isOwn = now !== undefined && fingerprint !== undefined && canBeSame(fingerprint, now);
    entry.isLost = !isOwn;
    return isOwn;
  }

  /** Whether the number is open, and of another object. */
  #isRecycled(entry: Entry): boolean {
    return !this.#isOwn(entry) && fingerprintOf(entry.raw) !== undefined;
  }

  /** The former owner must not close the other object, neither now nor when no tracker runs. */
  #endAsRecycled(entry: Entry, now: string): Ending {
    entry.isLost = true;
    const owner = entry.owner.deref();
    if (owner !== undefined) forget(owner);
    const closed = this.#lastCloses.get(entry.raw);
    const ending = this.#end(entry, "recycled", now);
    this.#report("recycled", entry, now, closed);
    return ending;
  }

  #end(entry: Entry, how: Ending["how"], stack: string): Ending {
    const ending: Ending = { how, stack };
    entry.ending = ending;
    this.live.delete(entry);
    const others = this.#ownersOf(entry.raw).filter((other) => other !== entry);
    if (others.length > 0) this.#byNumber.set(entry.raw, others);
    else this.#byNumber.delete(entry.raw);
    if (how !== "recycled") this.#lastCloses.set(entry.raw, stack);
    return ending;
  }

  #report(problem: HandleProblem, entry: Entry, now: string, closed?: string): void {
    if (entry.reported.has(problem)) return;
    entry.reported.add(problem);
    const report = reportOf(problem, entry, now, closed);
    const receivers = [...this.subscribers].filter(({ since }) => entry.serial >= since);
    attemptEach(receivers, (receiver) => receiver.report(report)); // all receive it, though one throws
  }
}

function recycledError(raw: RawHandle): Error {
  return failure("EBADF", "close", {
    message:
      `Cannot use handle ${raw}: other code has closed it, and its number refers to another ` +
      "object now; let only its owner close it",
    handle: raw,
  });
}
