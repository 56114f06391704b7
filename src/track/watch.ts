/** What becomes of the handles of a thread, as its trackers see it. */
import { failure } from "../../ffi/error.ts";
import { attemptEach } from "../util/attempts.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { giveUp, standIn } from "./hooks.ts";
import { canBeSame, fingerprintOf } from "./fingerprint.ts";
import type { Fingerprint } from "./types.ts";
import { type HandleProblem, type HandleReport, messageOf, type TrackedHandle } from "./report.ts";
import { type Place, stackBelow } from "./stack.ts";

/** A tracker, as those see it that watch for it. */
export interface Watcher {
  /** Handles that were made before it are not its own. */
  readonly since: number;
  readonly stackDepth: number;
  hear(report: HandleReport): void;
}

/** A handle that was seen at its birth. */
export interface Seen extends TrackedHandle {
  /** How many were seen before it. */
  readonly serial: number;
  /** What its object is known by; `undefined` when it was never open. */
  mark: Fingerprint | undefined;
  /** Whether the number was found to be not ours any more. It stays so, whoever gets it next. */
  isLost: boolean;
  end: End | undefined;
  readonly owner: WeakRef<OwnedHandle>;
  /** What was told of it: each mistake once. */
  readonly told: Set<HandleProblem>;
}

interface End {
  readonly how: "closed" | "released" | "lost";
  readonly stack: string;
}

/** The handles of the thread, from the start of its first tracker to the stop of its last. */
export class Watch {
  readonly watchers: Set<Watcher> = new Set();
  /** Those that somebody has yet to close. */
  readonly live: Set<Seen> = new Set();
  readonly #seen: WeakMap<OwnedHandle, Seen> = new WeakMap();
  /** Those of them that have a number: one, unless somebody made a mistake. */
  readonly #owners: Map<RawHandle, readonly Seen[]> = new Map();
  /** Who closed each number last, since an owner of it was made. */
  readonly #ends: Map<RawHandle, string> = new Map();

  born(owner: OwnedHandle, raw: RawHandle, place: Place): void {
    if (raw === -1) return; // this process, on Windows: nobody closes it
    const created = this.stack(place);
    for (const former of this.#ownersOf(raw)) {
      if (this.#isOurs(former)) this.#tell("two-owners", former, created);
      else this.#lose(former, created);
    }
    const seen: Seen = {
      raw,
      kind: owner.constructor.name,
      created,
      when: Date.now(),
      serial: count++,
      mark: fingerprintOf(raw),
      isLost: false,
      end: undefined,
      owner: new WeakRef(owner),
      told: new Set(),
    };
    this.#seen.set(owner, seen);
    this.#owners.set(raw, [...this.#ownersOf(raw), seen]);
    this.#ends.delete(raw);
    this.live.add(seen);
  }

  /** A number that the system has just given away was closed before, whoever believes to own it. */
  given(raw: RawHandle, place: Place): void {
    for (const former of this.#ownersOf(raw)) this.#lose(former, this.stack(place));
  }

  /** The number of an owner leads to another object from now on, as its owner wanted it. */
  replaced(raw: RawHandle): void {
    for (const seen of this.#ownersOf(raw)) if (!seen.isLost) seen.mark = fingerprintOf(raw);
  }

  /** Before a handle is used: throws when its number is somebody else's by now. */
  used(owner: OwnedHandle, place: Place): void {
    const seen = this.#seen.get(owner);
    if (seen === undefined) return;
    const end = seen.end ?? this.#examine(seen, place);
    if (end === undefined) return;
    if (end.how === "lost") throw lostError(seen.raw);
    this.#tell("use-after-close", seen, this.stack(place), end.stack);
  }

  /** Before an owner is asked whether it is closed, which it is when its number is somebody else's. */
  asked(owner: OwnedHandle, place: Place): void {
    const seen = this.#seen.get(owner);
    if (seen === undefined || seen.end !== undefined) return;
    if (this.#isTaken(seen)) this.#lose(seen, this.stack(place));
  }

  /** Before a handle is closed: whether there is anything to close. */
  closing(owner: OwnedHandle, place: Place): boolean {
    const seen = this.#seen.get(owner);
    if (seen === undefined) return true;
    const end = seen.end ?? this.#examine(seen, place);
    if (end === undefined) {
      this.#finish(seen, "closed", this.stack(place));
      return true;
    }
    if (end.how === "lost") {
      // It throws once, as a close does that the system refuses.
      seen.end = { ...end, how: "closed" };
      throw lostError(seen.raw);
    }
    // After release() it is the guard of somebody who kept it until then.
    if (end.how === "closed") this.#tell("double-close", seen, this.stack(place), end.stack);
    return false;
  }

  /** Whether its owner has closed it. */
  hasClosed(owner: OwnedHandle): boolean {
    return this.#seen.get(owner)?.end?.how === "closed";
  }

  releasing(owner: OwnedHandle, place: Place): void {
    this.used(owner, place);
    const seen = this.#seen.get(owner);
    if (seen?.end === undefined && seen !== undefined) {
      this.#finish(seen, "released", this.stack(place));
    }
  }

  /** Tells those to whom it belongs that nobody closed a handle; or what else became of it. */
  left(seen: Seen, place: Place): HandleReport | undefined {
    if (this.#isOurs(seen)) return reportOf("leak", seen, this.stack(place));
    this.#examine(seen, place);
    return undefined;
  }

  stack(place: Place): string {
    let depth = 1;
    for (const { stackDepth } of this.watchers) depth = Math.max(depth, stackDepth);
    return stackBelow(place, depth);
  }

  #ownersOf(raw: RawHandle): readonly Seen[] {
    return this.#owners.get(raw) ?? [];
  }

  /** Tells what somebody else has done to a handle; the end of it when the number is not ours. */
  #examine(seen: Seen, place: Place): End | undefined {
    if (this.#isOurs(seen)) return undefined;
    const now = this.stack(place);
    if (this.#isTaken(seen)) return this.#lose(seen, now);
    this.#tell("foreign-close", seen, now, this.#ends.get(seen.raw));
    return undefined;
  }

  /** Whether the number is open and can be that of the object that it was made with. */
  #isOurs(seen: Seen): boolean {
    if (seen.isLost) return false;
    const mark = fingerprintOf(seen.raw);
    const isOurs = mark !== undefined && seen.mark !== undefined && canBeSame(seen.mark, mark);
    seen.isLost = !isOurs;
    return isOurs;
  }

  /** Whether the number is open, and not ours. */
  #isTaken(seen: Seen): boolean {
    return !this.#isOurs(seen) && fingerprintOf(seen.raw) !== undefined;
  }

  /** What is somebody else's must not be closed by the former owner, today or when nobody watches. */
  #lose(seen: Seen, now: string): End {
    seen.isLost = true;
    const owner = seen.owner.deref();
    if (owner !== undefined) giveUp(owner);
    const closed = this.#ends.get(seen.raw);
    const end = this.#finish(seen, "lost", now);
    this.#tell("recycled", seen, now, closed);
    return end;
  }

  #finish(seen: Seen, how: End["how"], stack: string): End {
    const end: End = { how, stack };
    seen.end = end;
    this.live.delete(seen);
    const others = this.#ownersOf(seen.raw).filter((other) => other !== seen);
    if (others.length > 0) this.#owners.set(seen.raw, others);
    else this.#owners.delete(seen.raw);
    if (how !== "lost") this.#ends.set(seen.raw, stack);
    return end;
  }

  #tell(problem: HandleProblem, seen: Seen, now: string, closed?: string): void {
    if (seen.told.has(problem)) return;
    seen.told.add(problem);
    const report = reportOf(problem, seen, now, closed);
    const hearing = [...this.watchers].filter(({ since }) => seen.serial >= since);
    attemptEach(hearing, (watcher) => watcher.hear(report)); // all hear of it
  }
}

/** How many handles were seen, so that each tracker knows its own. */
let count = 0;
let watch: Watch | undefined;
let putBack: (() => void) | undefined;

/** The number of the next handle that is seen. */
export function nextSerial(): number {
  return count;
}

/** Begins to watch for a tracker. */
export function join(watcher: Watcher): void {
  if (watch === undefined) putBack = standIn(watch = new Watch());
  watch.watchers.add(watcher);
}

/** Ends to watch for a tracker. */
export function leave(watcher: Watcher): void {
  if (watch?.watchers.delete(watcher) !== true || watch.watchers.size > 0) return;
  putBack?.();
  watch = putBack = undefined;
}

/** The handles of a tracker that nobody has closed yet, the oldest first. */
export function liveOf(watcher: Watcher): Seen[] {
  return [...watch?.live ?? []].filter(({ serial }) => serial >= watcher.since);
}

/** The leaks among them. What somebody else has closed is told as that. */
export function leaksOf(watcher: Watcher, place: Place): HandleReport[] {
  if (watch === undefined) return [];
  const found: HandleReport[] = [];
  for (const seen of liveOf(watcher)) {
    const report = watch.left(seen, place);
    if (report !== undefined) found.push(report);
  }
  return found;
}

function reportOf(
  problem: HandleProblem,
  seen: Seen,
  now: string,
  closed?: string,
): HandleReport {
  const { raw, created } = seen;
  const report = { problem, raw, message: messageOf(problem, seen), created, now };
  return closed === undefined ? report : { ...report, closed };
}

function lostError(raw: RawHandle): Error {
  return failure("EBADF", "close", {
    message: `Cannot use handle ${raw}: somebody else has closed it, and its number is another ` +
      "object's now; let only its owner close it",
    handle: raw,
  });
}
