/** The child's end of the channel that `spawn` makes. */
import { isWindows } from "../../ffi/host.ts";
import { type ChannelOptions, HandleChannel, parseLimits } from "../channel/channel.ts";
import { CHANNEL_VARIABLE } from "../channel/types.ts";
import { readVariable, refuseWorker, takeReserved } from "./inherited.ts";
import { channels } from "../channel/platform.ts";

let found: HandleChannel | null | undefined;

/**
 * The channel with the process that started this one by `spawn` with `channel: true`. Every call
 * gives the same one. It keeps this process alive until it is closed or `unref`'d.
 *
 * In Deno it needs `--allow-ffi` and `--allow-env=DUPHANDLE_HANDLES`, on Windows `--allow-all`, which
 * its `node:net` wants for a named pipe.
 *
 * @param options what this side accepts, at the first call
 * @returns the channel; `undefined` when this process was started in another way
 * @throws {HandleError} `ENOTSUP` in a worker thread; `EACCES` when Deno may not read the variable
 * @throws {TypeError} when an option is not of its kind
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
  const limits = parseLimits(options);
  if (found === undefined) {
    refuseWorker();
    const value = isWindows() ? readVariable(CHANNEL_VARIABLE) : undefined;
    const end = channels().fromParent(takeReserved, value);
    if (value !== undefined) delete process.env[CHANNEL_VARIABLE];
    found = end === undefined ? null : HandleChannel.of(end, limits);
  }
  return found ?? undefined;
}
