/** Chooses the operating system's implementation of channels. */
import { isWindows } from "../../ffi/host.ts";
import { posixChannels } from "./posix.ts";
import type { ChannelPlatform } from "./types.ts";
import { windowsChannels } from "./windows.ts";

/** The implementation for the running system. */
export const channels = (): ChannelPlatform => isWindows() ? windowsChannels : posixChannels;
