/** Chooses the operating system's implementation. */
import { isWindows } from "../../ffi/host.ts";
import { posixRedirect } from "./posix.ts";
import type { RedirectPlatform } from "./types.ts";
import { windowsRedirect } from "./windows.ts";

/** The implementation for the running system. */
export function redirectPlatform(): RedirectPlatform {
  return isWindows() ? windowsRedirect : posixRedirect;
}
