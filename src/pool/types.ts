/** What the pool needs of a system and of a runtime. */
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * How an open file becomes a descriptor of the runtime, and how it is kept without one. `Place` is
 * where it is kept.
 */
export interface Residence<Place> {
  /**
   * Gives the file of a handle a descriptor. The handle is the caller's until it is released.
   *
   * @param slot a descriptor that is to be replaced, if there is one; it is consumed, whatever the
   * outcome
   * @param mustKeep whether it must be kept already, as by `park`
   * @returns the descriptor, and the place where the file is kept if it is
   */
  settle(
    raw: RawHandle,
    slot: number | undefined,
    mustKeep: boolean,
  ): { fd: number; place: Place | undefined };
  /** Takes over a handle that was settled. */
  release(raw: RawHandle): void;
  /** Keeps the file of a descriptor, which can be replaced then. */
  park(fd: number): Place;
  /** Gives a file that is kept a descriptor, as `settle`; it goes on being kept. */
  fetch(place: Place, slot: number | undefined): number;
  /** Keeps a file no longer. When it throws anything but `EBADF` the file goes on being kept. */
  forget(place: Place): void;
  /** Closes a descriptor, whose file is kept or forgotten. */
  leave(fd: number): void;
  /** Gives up all that is kept, in these places. */
  close(places: readonly Place[]): void;
}
