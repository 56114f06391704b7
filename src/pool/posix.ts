/** The pool on Linux. It uses descriptors that the runtime opened, and replaces what they refer to. */
import { O_CLOEXEC } from "../../ffi/posix/constants.ts";
import { close, dup3 } from "../../ffi/posix/dup.ts";
import { closeWithNodeFs } from "../handle/runtime_source.ts";
import { openPlaceholder } from "../handle/posix_adopt.ts";
import { closeAll } from "../handle/raw.ts";
import { closeOrWarn } from "../util/late_close.ts";
import { Parking, type Spot, withDescriptors } from "./posix_parking.ts";
import type { PoolBackend } from "./types.ts";

/**
 * Puts files onto placeholders by `dup3`, which closes what the number referred to in the same step.
 */
export class PosixPoolBackend implements PoolBackend<Spot> {
  readonly #parking: Parking = new Parking();

  attach(
    raw: number,
    reusable: number | undefined,
    mustPark: boolean,
  ): { fd: number; spot: Spot | undefined } {
    const fd = this.#duplicateOnto(raw, reusable);
    let spot: Spot | undefined;
    try {
      if (mustPark) spot = this.park(fd);
    } catch (error) {
      this.closeFd(fd);
      throw error;
    }
    return { fd, spot };
  }

  consume(raw: number): void {
    closeOrWarn(() => close(raw)); // the file has a descriptor of its own
  }

  park(fd: number): Spot {
    return this.#parking.park(fd);
  }

  fetch(spot: Spot, reusable: number | undefined): number {
    let found: number;
    try {
      found = this.#parking.fetch(spot);
    } catch (error) {
      if (reusable !== undefined) this.closeFd(reusable);
      throw error;
    }
    try {
      return this.#duplicateOnto(found, reusable);
    } finally {
      closeAll([found]);
    }
  }

  forget(spot: Spot): void {
    this.#parking.forget(spot);
  }

  refuseProtected(): void {}

  closeFd(fd: number): void {
    closeWithNodeFs(fd);
  }

  close(): void {
    this.#parking.close();
  }

  /** Duplicates onto a descriptor of the runtime, a new one when there is none to reuse. */
  #duplicateOnto(raw: number, reusable: number | undefined): number {
    const fd = reusable ?? withDescriptors(openPlaceholder);
    try {
      return dup3(raw, fd, O_CLOEXEC);
    } catch (error) {
      this.closeFd(fd);
      throw error;
    }
  }
}
