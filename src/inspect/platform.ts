/** Chooses the operating system's implementation of inspection. */
import { isWindows } from "../../ffi/host.ts";
import { posixInspector } from "./posix.ts";
import type { InspectPlatform } from "./types.ts";
import { windowsInspector } from "./windows.ts";

/** The implementation for the running system. */
export const inspector = (): InspectPlatform => isWindows() ? windowsInspector : posixInspector;
