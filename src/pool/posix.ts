/** The pool on Linux: descriptors that the runtime opened, in whose place files come and go. */
import { O_CLOEXEC } from "../../ffi/posix/constants.ts";
import { dup3 } from "../../ffi/posix/dup.ts";
import { closeWithNodeFs } from "../handle/adopt.ts";
import { openPlaceholder } from "../handle/posix_adopt.ts";
import { closeAll } from "../handle/close_all.ts";
import { Parking, type Place } from "./posix_parking.ts";
import type { Residence } from "./types.ts";

/** Files are put onto placeholders by `dup3`, in one step: what was there loses its number. */
export class PosixResidence implements Residence<Place> {
  readonly #parking: Parking = new Parking();

  settle(
    raw: number,
    slot: number | undefined,
    mustKeep: boolean,
  ): { fd: number; place: Place | undefined } {
    const fd = this.#onto(raw, slot);
    let place: Place | undefined;
    try {
      if (mustKeep) place = this.park(fd);
    } catch (error) {
      this.leave(fd);
      throw error;
    }
    return { fd, place };
  }

  release(raw: number): void {
    closeAll([raw]); // its descriptor is another one
  }

  park(fd: number): Place {
    return this.#parking.park(fd);
  }

  fetch(place: Place, slot: number | undefined): number {
    let found: number;
    try {
      found = this.#parking.fetch(place);
    } catch (error) {
      if (slot !== undefined) this.leave(slot);
      throw error;
    }
    try {
      return this.#onto(found, slot);
    } finally {
      closeAll([found]);
    }
  }

  forget(place: Place): void {
    this.#parking.remove(place);
  }

  leave(fd: number): void {
    closeWithNodeFs(fd);
  }

  close(): void {
    this.#parking.close();
  }

  #onto(raw: number, slot: number | undefined): number {
    const fd = slot ?? openPlaceholder();
    try {
      return dup3(raw, fd, O_CLOEXEC);
    } catch (error) {
      this.leave(fd);
      throw error;
    }
  }
}
