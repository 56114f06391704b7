/**
 * Where open files are parked on Linux: in messages that this process sends to itself. A descriptor
 * that was sent over a socket and not yet received has no number and no entry in the table of the
 * process, but it keeps its open file alive. A peek at the message makes a duplicate of it whenever one
 * is needed. docs/pool.md explains why it is done in this way.
 *
 * Sixteen descriptors are one message, the only one in a socket pair of its own: a _bucket_. To take
 * one of them out, the message is written again without it. The two ends of a bucket are themselves a
 * message in a socket pair that holds hundreds of such messages: a _shelf_. So this process has
 * descriptors only for the ends of the shelves and for those of the bucket that was used last.
 */
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { raiseAdvice } from "../../ffi/posix/limit.ts";
import { discardRights, peekRights, sendRights } from "../../ffi/posix/rights.ts";
import { socketpair } from "../../ffi/posix/socket.ts";
import { closeAll } from "../handle/raw.ts";
import { duplicateAll } from "../batch/duplicate_all.ts";
import { duplicatePosix } from "../handle/posix.ts";

/**
 * A peek duplicates everything in a bucket, so the process needs this many descriptors for a moment.
 */
const BUCKET_SIZE = 16;

/** A socket pair. */
type Ends = readonly [sender: number, receiver: number];

interface Shelf {
  readonly ends: Ends;
  buckets: number;
}

interface Bucket {
  readonly shelf: Shelf;
  /** The index of its message in the shelf. */
  readonly at: number;
  /** The spots in it, in the order of the descriptors in its message. */
  spots: Spot[];
  /** How many outdated messages precede the current one in its socket. */
  stale: number;
  /** The descriptors themselves, in the rare case that they could not be sent again. */
  unsent: number[] | undefined;
}

/** Where one file is parked. */
export interface Spot {
  readonly bucket: Bucket;
}

/** The parked files of one pool. */
export class Parking {
  readonly #shelves: Shelf[] = [];
  /** The buckets with a free spot. */
  readonly #nonFull = new Set<Bucket>();
  /** The bucket that was used last, and its ends. */
  #open: { readonly bucket: Bucket; readonly ends: Ends } | undefined;

  /**
   * Parks the open file of a descriptor, which stays its owner's.
   *
   * @throws {HandleError} `EMFILE` when the system takes no more descriptors; nothing has changed then
   */
  park(fd: number): Spot {
    const bucket = this.#nonFullBucket() ?? this.#newBucket();
    const spot = { bucket };
    const others = this.#peek(bucket);
    try {
      if (!this.#replace(bucket, [...others, fd], [...bucket.spots, spot])) throw full();
    } finally {
      closeAll(others);
    }
    return spot;
  }

  /** Makes a new descriptor of a parked file, which stays parked. */
  fetch(spot: Spot): number {
    const { bucket } = spot;
    const at = bucket.spots.indexOf(spot);
    const { unsent } = bucket;
    if (unsent !== undefined) return withDescriptors(() => duplicatePosix(unsent[at]!, false));
    const fds = this.#peek(bucket);
    const [found] = fds.splice(at, 1);
    closeAll(fds);
    return found!;
  }

  /**
   * Releases a parked file.
   *
   * @throws {HandleError} `EMFILE` when too few descriptors are free to take it out; it stays parked
   * then
   */
  forget(spot: Spot): void {
    const { bucket } = spot;
    const at = bucket.spots.indexOf(spot);
    const spots = bucket.spots.filter((other) => other !== spot);
    if (bucket.unsent === undefined) {
      const fds = this.#peek(bucket);
      closeAll(fds.splice(at, 1));
      if (this.#replaceOrClose(bucket, fds, spots)) return;
      // The socket does not take a second message: discard the old one before sending the new one.
      bucket.stale++;
      this.#discardStale(bucket);
      bucket.unsent = fds;
    } else {
      closeAll(bucket.unsent.splice(at, 1));
    }
    this.#setSpots(bucket, spots);
    this.#sendUnsent(bucket);
  }

  /** Releases all parked files. */
  close(): void {
    closeAll(this.#open?.ends ?? []);
    this.#open = undefined;
    for (const { unsent } of this.#nonFull) closeAll(unsent ?? []);
    for (const { ends } of this.#shelves.splice(0)) closeAll(ends);
    this.#nonFull.clear();
  }

  #nonFullBucket(): Bucket | undefined {
    const open = this.#open?.bucket;
    if (open !== undefined && this.#nonFull.has(open)) return open;
    for (const bucket of this.#nonFull) return bucket;
    return undefined;
  }

  /**
   * Replaces the message of a bucket. The new message is sent before the old one is discarded: when it
   * cannot be sent, nothing has changed.
   *
   * @param fds the descriptors of the new message
   * @param spots their spots
   * @returns `false` when the system does not take the message
   */
  #replace(bucket: Bucket, fds: readonly number[], spots: Spot[]): boolean {
    const [sender] = this.#endsOf(bucket);
    if (fds.length > 0 && !sendRights(sender, fds)) return false;
    if (bucket.unsent === undefined && bucket.spots.length > 0) bucket.stale++;
    closeAll(bucket.unsent ?? []);
    bucket.unsent = undefined;
    this.#setSpots(bucket, spots);
    this.#discardStale(bucket);
    return true;
  }

  /**
   * The same with duplicates of ours: they are closed, also after an error, unless it returns `false`.
   */
  #replaceOrClose(bucket: Bucket, fds: readonly number[], spots: Spot[]): boolean {
    let isTaken = true;
    try {
      return isTaken = this.#replace(bucket, fds, spots);
    } finally {
      if (isTaken) closeAll(fds);
    }
  }

  /** Tries to send the unsent descriptors of a bucket. They stay unsent when that fails. */
  #sendUnsent(bucket: Bucket): void {
    ignoreHandleError(() => this.#replace(bucket, bucket.unsent ?? [], bucket.spots));
  }

  /**
   * Discards outdated messages. The kernel needs no memory for it; if it fails, the next call does it.
   */
  #discardStale(bucket: Bucket): void {
    const [, receiver] = this.#endsOf(bucket);
    ignoreHandleError(() => {
      for (; bucket.stale > 0; bucket.stale--) discardRights(receiver);
    });
  }

  #setSpots(bucket: Bucket, spots: Spot[]): void {
    bucket.spots = spots;
    if (spots.length < BUCKET_SIZE) this.#nonFull.add(bucket);
    else this.#nonFull.delete(bucket);
  }

  /** Duplicates everything in a bucket. */
  #peek(bucket: Bucket): number[] {
    if (bucket.spots.length === 0) return [];
    const { unsent } = bucket;
    if (unsent !== undefined) return withDescriptors(() => duplicateAll(unsent));
    return complete(peekRights(this.#endsOf(bucket)[1], bucket.stale), bucket.spots.length);
  }

  /** The ends of a bucket. Those of the bucket that was used last are open already. */
  #endsOf(bucket: Bucket): Ends {
    if (this.#open?.bucket === bucket) return this.#open.ends;
    const ends = complete(peekRights(bucket.shelf.ends[1], bucket.at), 2) as [number, number];
    this.#keepOpen(bucket, ends);
    return ends;
  }

  #keepOpen(bucket: Bucket, ends: Ends): void {
    closeAll(this.#open?.ends ?? []);
    this.#open = { bucket, ends };
  }

  #newBucket(): Bucket {
    const ends = newPair();
    try {
      const last = this.#shelves.at(-1);
      const shelf = last !== undefined && sendRights(last.ends[0], ends)
        ? last
        : this.#newShelf(ends);
      const bucket = { shelf, at: shelf.buckets++, spots: [], stale: 0, unsent: undefined };
      this.#nonFull.add(bucket);
      this.#keepOpen(bucket, ends);
      return bucket;
    } catch (error) {
      closeAll(ends);
      throw error;
    }
  }

  /** Makes a shelf and puts a first bucket into it. */
  #newShelf(bucket: Ends): Shelf {
    const shelf = { ends: newPair(), buckets: 0 };
    try {
      if (!sendRights(shelf.ends[0], bucket)) throw full();
    } catch (error) {
      closeAll(shelf.ends);
      throw error;
    }
    this.#shelves.push(shelf);
    return shelf;
  }
}

function newPair(): Ends {
  return withDescriptors(() => socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/** The descriptors of a peek. Throws unless all of them arrived. */
function complete(rights: ReturnType<typeof peekRights>, count: number): number[] {
  const fds = typeof rights === "object" ? rights.fds : [];
  if (fds.length === count) return fds;
  closeAll(fds);
  throw noDescriptors("recvmsg");
}

/**
 * The result of a call that makes descriptors for the pool itself. When the process has none left, the
 * advice of the call's own error, to use a pool, would not help.
 */
export function withDescriptors<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw hasCode(error, "EMFILE") ? noDescriptors(error.syscall, error) : error;
  }
}

function noDescriptors(syscall: string, cause?: unknown): Error {
  return failure("EMFILE", syscall, {
    message:
      "Cannot page a file in or out: the pool needs a descriptor for it, and up to twenty for a " +
      "moment, and this process has no more; make the pool with a lower limit, close what is not " +
      `needed, or ${raiseAdvice()}`,
    cause,
  });
}

/** Runs an action that may fail without consequences. */
function ignoreHandleError(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
  }
}

function full(): Error {
  return failure("EMFILE", "sendmsg", {
    message:
      "Cannot park another file: without privileges all processes of a user may have as many in " +
      "flight as one process may have open; close files of pools, run as root or with " +
      `CAP_SYS_RESOURCE, or ${raiseAdvice()}`,
  });
}
