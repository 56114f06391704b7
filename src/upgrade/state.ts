/** What an upgrade has of the process, whichever copy of this library uses it. */
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { refuseInWorker } from "../util/environment.ts";
import { shared } from "../util/shared.ts";
import { type Predecessor, takePredecessor } from "./posix_link.ts";

/** The state of this process. */
export interface ProcessState {
  /** What the older process gave to this one; `undefined` in the first generation. */
  readonly predecessor: Predecessor | undefined;
  /** Whether an `Upgrade` is open. */
  isStarted: boolean;
}

/**
 * The state of this process; the first call takes what the older one gave.
 *
 * @throws {HandleError} `ENOTSUP` where there are no upgrades, `EBADF`, `EPROTO`
 */
export function processState(): ProcessState {
  if (osName() !== "linux") {
    throw failure("ENOTSUP", "spawn", {
      message:
        "Cannot replace a program while it serves: this is for Linux; elsewhere let a process " +
        "that stays have the listeners, and pass them to each new server by the handles of spawn()",
    });
  }
  refuseInWorker();
  return shared("upgrade", 1, () => ({ predecessor: takePredecessor(), isStarted: false }));
}
