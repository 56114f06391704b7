/** The user of a child, in runtimes that would start it as another one. */
import { failure } from "../../ffi/error.ts";
import { isBefore } from "../util/platform.ts";

/** From which version each runtime knows `uid` and `gid`. Before, it ignores them without a word. */
const SINCE = { Bun: [1, 4], Deno: [2, 7, 8] } as const;

/**
 * Throws where the runtime ignores `uid` and `gid`: the child would run as the user of this process, who may
 * be root.
 *
 * @throws {HandleError} `ENOTSUP`
 */
export function refuseIgnoredUser({ uid, gid }: { uid?: unknown; gid?: unknown }): void {
  const asked = uid ?? gid;
  if (asked === undefined || asked === null) return;
  for (const [runtime, version] of Object.entries(SINCE)) {
    if (!isBefore(runtime as keyof typeof SINCE, version)) continue;
    throw failure("ENOTSUP", "spawn", {
      message:
        `Cannot start a process as another user: ${runtime} before ${
          version.join(".")
        } ignores uid and gid; ` +
        "update it, or start the program by setpriv --reuid=… --regid=… --clear-groups",
    });
  }
}
