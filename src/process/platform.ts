/** Chooses the implementation of the operations on other processes. */
import { isWindows } from "../../ffi/host.ts";
import { posixProcesses } from "./posix.ts";
import type { ProcessPlatform } from "./types.ts";
import { windowsProcesses } from "./windows.ts";

/** The implementation for the running system. */
export const processes = (): ProcessPlatform => isWindows() ? windowsProcesses : posixProcesses;
