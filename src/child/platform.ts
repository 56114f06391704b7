/** Chooses the operating system's implementation of handles for child processes. */
import { isWindows } from "../../ffi/host.ts";
import { posixChildren } from "./posix.ts";
import type { ChildPlatform } from "./types.ts";
import { windowsChildren } from "./windows.ts";

/** The implementation for the running system. */
export const children = (): ChildPlatform => isWindows() ? windowsChildren : posixChildren;
