/** Chooses how to listen. */
import { isWindows } from "../../ffi/host.ts";
import { posixListeners } from "./posix_listen.ts";
import type { ListenPlatform } from "./types.ts";
import { windowsListeners } from "./windows_listen.ts";

/** How this system listens. */
export const listeners = (): ListenPlatform => isWindows() ? windowsListeners : posixListeners;
