/** Chooses the implementation of inspection for the running system. */
import { isWindows } from "../../ffi/host.ts";
import { posixInspect } from "./posix.ts";
import type { InspectPlatform } from "./types.ts";
import { windowsInspect } from "./windows.ts";

/** The implementation for the running system. */
export const inspectPlatform = (): InspectPlatform => isWindows() ? windowsInspect : posixInspect;
