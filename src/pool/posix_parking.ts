/**
 * Where descriptors are kept on Linux when the table of this process has no room for them: on their
 * way to ourselves. A descriptor that was sent over a socket and not yet received has no number,
 * counts for no table, and keeps its open file alive; a peek makes a duplicate of it whenever it is
 * wanted. docs/pool.md tells why it is done so.
 *
 * Sixteen of them are one message, which is all that a socket of theirs, a bucket, holds: so one of them
 * can be taken out by writing the message anew. Both ends of a bucket are themselves a message, in
 * a socket that holds hundreds of them, a shelf. Only the ends of the shelves, and those of the bucket
 * that was used last, are descriptors of this process.
 */
import { failure, HandleError } from "../../ffi/error.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { discardRights, peekRights, sendRights } from "../../ffi/posix/rights.ts";
import { socketpair } from "../../ffi/posix/socket.ts";
import { closeAll } from "../handle/close_all.ts";
import { duplicateAll } from "../batch/duplicate_all.ts";
import { duplicatePosix } from "../handle/posix.ts";

/** A peek makes duplicates of all that is in a bucket, so they must find room for a moment. */
const BUCKET_SIZE = 16;

/** A socket, by its two ends. */
type Ends = readonly [sender: number, receiver: number];

interface Shelf {
  readonly ends: Ends;
  buckets: number;
}

interface Bucket {
  readonly shelf: Shelf;
  /** Which message of the shelf it is. */
  readonly at: number;
  /** What it holds, in the order of its message. */
  places: Place[];
  /** How many messages of before lie in front of it, which could not be taken out yet. */
  stale: number;
  /** Its descriptors themselves, in the rare case that they could not be sent again. */
  loose: number[] | undefined;
}

/** Where one descriptor is kept. */
export interface Place {
  readonly bucket: Bucket;
}

/** Keeps descriptors without a number. */
export class Parking {
  readonly #shelves: Shelf[] = [];
  /** Buckets that are not full. */
  readonly #roomy = new Set<Bucket>();
  /** The bucket that was used last, and its ends. */
  #open: { readonly bucket: Bucket; readonly ends: Ends } | undefined;

  /**
   * Keeps the open file of a descriptor, which stays its owner's.
   *
   * @throws {HandleError} `EMFILE` when there is no room; nothing has changed then
   */
  park(fd: number): Place {
    const bucket = this.#roomiest() ?? this.#newBucket();
    const place = { bucket };
    const others = this.#peek(bucket);
    try {
      if (!this.#replace(bucket, [...others, fd], [...bucket.places, place])) throw full();
    } finally {
      closeAll(others);
    }
    return place;
  }

  /** A new descriptor of what is kept, which goes on being kept. */
  fetch(place: Place): number {
    const { bucket } = place;
    const at = bucket.places.indexOf(place);
    if (bucket.loose !== undefined) return duplicatePosix(bucket.loose[at]!, false);
    const fds = this.#peek(bucket);
    const [found] = fds.splice(at, 1);
    closeAll(fds);
    return found!;
  }

  /**
   * Keeps it no longer.
   *
   * @throws {HandleError} `EMFILE` when there is no room to take it out; it goes on being kept then
   */
  remove(place: Place): void {
    const { bucket } = place;
    const at = bucket.places.indexOf(place);
    const places = bucket.places.filter((other) => other !== place);
    if (bucket.loose === undefined) {
      const fds = this.#peek(bucket);
      closeAll(fds.splice(at, 1));
      if (this.#replaceOrClose(bucket, fds, places)) return;
      // There is no room for both messages, so the old one goes before the new one comes.
      bucket.stale++;
      this.#tidy(bucket);
      bucket.loose = fds;
    } else {
      closeAll(bucket.loose.splice(at, 1));
    }
    this.#list(bucket, places);
    this.#sendLoose(bucket);
  }

  /** Keeps nothing any longer. */
  close(): void {
    closeAll(this.#open?.ends ?? []);
    this.#open = undefined;
    for (const { loose } of this.#roomy) closeAll(loose ?? []);
    for (const { ends } of this.#shelves.splice(0)) closeAll(ends);
    this.#roomy.clear();
  }

  #roomiest(): Bucket | undefined {
    const open = this.#open?.bucket;
    if (open !== undefined && this.#roomy.has(open)) return open;
    for (const bucket of this.#roomy) return bucket;
    return undefined;
  }

  /**
   * Writes the message of a bucket anew. The new one comes behind the old one: when it cannot be sent
   * nothing has changed.
   *
   * @param fds what it is to hold
   * @param places their places
   * @returns `false` when there is no room
   */
  #replace(bucket: Bucket, fds: readonly number[], places: Place[]): boolean {
    const [sender] = this.#ends(bucket);
    if (fds.length > 0 && !sendRights(sender, fds)) return false;
    if (bucket.loose === undefined && bucket.places.length > 0) bucket.stale++;
    closeAll(bucket.loose ?? []);
    bucket.loose = undefined;
    this.#list(bucket, places);
    this.#tidy(bucket);
    return true;
  }

  /** The same with descriptors of ours, which are closed unless there is no room. */
  #replaceOrClose(bucket: Bucket, fds: readonly number[], places: Place[]): boolean {
    let hasRoom = true;
    try {
      return hasRoom = this.#replace(bucket, fds, places);
    } finally {
      if (hasRoom) closeAll(fds);
    }
  }

  /** Sends what a bucket holds by itself; when that cannot be, it stays so. */
  #sendLoose(bucket: Bucket): void {
    quietly(() => this.#replace(bucket, bucket.loose ?? [], bucket.places));
  }

  /** Takes out the messages of before. The kernel needs nothing for that; if it refuses, the next does it. */
  #tidy(bucket: Bucket): void {
    const [, receiver] = this.#ends(bucket);
    quietly(() => {
      for (; bucket.stale > 0; bucket.stale--) discardRights(receiver);
    });
  }

  #list(bucket: Bucket, places: Place[]): void {
    bucket.places = places;
    if (places.length < BUCKET_SIZE) this.#roomy.add(bucket);
    else this.#roomy.delete(bucket);
  }

  /** Duplicates of all that is in a bucket. */
  #peek(bucket: Bucket): number[] {
    if (bucket.places.length === 0) return [];
    if (bucket.loose !== undefined) return duplicateAll(bucket.loose);
    return whole(peekRights(this.#ends(bucket)[1], bucket.stale), bucket.places.length);
  }

  /** The ends of a bucket: those of the last one are at hand. */
  #ends(bucket: Bucket): Ends {
    if (this.#open?.bucket === bucket) return this.#open.ends;
    const ends = whole(peekRights(bucket.shelf.ends[1], bucket.at), 2) as [number, number];
    this.#remember(bucket, ends);
    return ends;
  }

  #remember(bucket: Bucket, ends: Ends): void {
    closeAll(this.#open?.ends ?? []);
    this.#open = { bucket, ends };
  }

  #newBucket(): Bucket {
    const ends = pair();
    try {
      const last = this.#shelves.at(-1);
      const shelf = last !== undefined && sendRights(last.ends[0], ends)
        ? last
        : this.#newShelf(ends);
      const bucket = { shelf, at: shelf.buckets++, places: [], stale: 0, loose: undefined };
      this.#roomy.add(bucket);
      this.#remember(bucket, ends);
      return bucket;
    } catch (error) {
      closeAll(ends);
      throw error;
    }
  }

  /** A shelf with a first bucket. */
  #newShelf(bucket: Ends): Shelf {
    const shelf = { ends: pair(), buckets: 0 };
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

function pair(): Ends {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/** What was peeked at, when it is all of it. */
function whole(rights: ReturnType<typeof peekRights>, count: number): number[] {
  const fds = typeof rights === "object" ? rights.fds : [];
  if (fds.length === count) return fds;
  closeAll(fds);
  throw failure("EMFILE", "recvmsg", {
    message:
      "Cannot page a file in or out: for a moment that needs up to twenty descriptors, and " +
      "this process had no more; close what is not needed, or raise the limit (ulimit -n)",
  });
}

/** Does what may fail for once. */
function quietly(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
  }
}

function full(): Error {
  return failure("EMFILE", "sendmsg", {
    message:
      "Cannot park another descriptor: without privileges a user may have as many on their way " +
      "as one process may have open; raise the limit by raiseDescriptorLimit(), or close some",
  });
}
