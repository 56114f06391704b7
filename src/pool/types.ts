/** What a pool needs of the system and of the runtime. */
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * Gives open files descriptors of the runtime, and keeps open files without one. A file that it keeps
 * is _parked_; `Spot` is where. A parked file may have a descriptor as well.
 */
export interface PoolBackend<Spot> {
  /**
   * Makes a descriptor for the file of a handle. The handle stays the caller's until `consume`.
   *
   * @param raw the handle
   * @param reusable a descriptor whose number the file may take over, if there is one. It is consumed,
   * even when this throws
   * @param mustPark whether the file must be parked as well
   * @returns the descriptor, and where the file is parked if it is
   */
  attach(
    raw: RawHandle,
    reusable: number | undefined,
    mustPark: boolean,
  ): { fd: number; spot: Spot | undefined };
  /** Takes over a handle from its owner, once its file is attached. */
  consume(raw: RawHandle): void;
  /** Parks the file of a descriptor. The descriptor stays open. */
  park(fd: number): Spot;
  /** Makes a descriptor for a parked file, as `attach` does. The file stays parked. */
  fetch(spot: Spot, reusable: number | undefined): number;
  /** Releases a parked file. When it throws anything but `EBADF`, the file stays parked. */
  forget(spot: Spot): void;
  /** Throws `EPERM` when a parked file is protected from closing, which only Windows knows. */
  refuseProtected(spot: Spot): void;
  /** Closes a descriptor. A parked file stays parked. */
  closeFd(fd: number): void;
  /** Releases all parked files, which are in these spots. */
  close(spots: readonly Spot[]): void;
}
