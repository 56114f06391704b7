/** What a thread of the soak works with. Which system it is for is decided here, once. */
import type { HandleSource } from "../../mod.ts";
import type { BareCall } from "./bare.ts";
import { posixFixture } from "./posix_fixture.ts";
import type { FailingCall } from "./verify.ts";
import { win32Fixture } from "./win32_fixture.ts";

/** Open and closed handles, and the calls that fail on them. */
export interface Fixture {
  /** The calls that fail, each in its own way. */
  readonly calls: readonly FailingCall[];
  /** Calls below the errors. */
  readonly bare: readonly BareCall[];
  /** An open handle, to be duplicated. */
  readonly source: HandleSource;
  /** How many handles this process has open. */
  countHandles(): number;
  /** By how many handles that count may differ although nothing leaks. */
  readonly countSlack: number;
}

/** Makes the handles of one thread. Threads have different slots, so that their handles differ. */
export function makeFixture(slot: number): Fixture {
  return process.platform === "win32" ? win32Fixture(slot) : posixFixture(slot);
}
