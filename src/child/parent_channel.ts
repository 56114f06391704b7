/** The child's end of the channel that `spawn` makes. */
import { isWindows } from "../../ffi/host.ts";
import { createChannel, type HandleChannel } from "../channel/channel.ts";
import { Connection } from "../channel/connection.ts";
import {
  type ChannelOptions,
  type ChannelSettings,
  parseChannelOptions,
} from "../channel/options.ts";
import { CHANNEL_VARIABLE } from "../channel/types.ts";
import { takeReserved } from "./inherited.ts";
import { readVariable, refuseInWorker } from "../util/environment.ts";
import { shared } from "../util/shared.ts";
import { channels } from "../channel/platform.ts";

/**
 * Opens the channel with the process that started this one by `spawn` with `channel: true`. Every
 * call returns the same channel. It keeps this process alive until `close` or `unref`.
 *
 * Deno needs `--allow-ffi` and `--allow-env=DUPHANDLE_HANDLES`, and on Windows `--allow-all`, which
 * its `node:net` requires for a named pipe.
 *
 * @param options what this side accepts; later calls do not change it
 * @returns the channel; `undefined` when this process was started in another way
 * @throws {HandleError} `ENOTSUP` in a worker thread; `EACCES` when Deno does not permit to read the
 * variable; `EINVAL` when the variable is malformed
 * @throws {TypeError} when an option has the wrong type
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 * @see https://learn.microsoft.com/windows/win32/ipc/named-pipes
 *
 * @example
 * ```ts
 * import { parentChannel } from "duphandle";
 *
 * const parent = parentChannel();
 * if (parent !== undefined) {
 *   for await (const { message, handles } of parent) {
 *     console.log(message, handles.length);
 *     for (const handle of handles) handle.close();
 *   }
 * }
 * ```
 */
export function parentChannel(options?: ChannelOptions): HandleChannel | undefined {
  const settings = parseChannelOptions(options);
  return shared("parentChannel", 1, () => openParent(settings)) ?? undefined;
}

/** The channel; `null` when there is none. */
function openParent(settings: ChannelSettings): HandleChannel | null {
  refuseInWorker();
  const value = isWindows() ? readVariable(CHANNEL_VARIABLE) : undefined;
  const end = channels().openFromParent(takeReserved, value);
  if (value !== undefined) delete process.env[CHANNEL_VARIABLE];
  return end === undefined ? null : createChannel(new Connection(end, settings.limits), settings);
}
