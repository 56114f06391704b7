/** Chooses the operating system's implementation, and the runtime's way to take over a handle. */
import { isWindows } from "../../ffi/host.ts";
import { posixPlatform } from "./posix.ts";
import { posixAdopter } from "./posix_adopt.ts";
import { posixFsFiles } from "./posix_deno_file.ts";
import { posixStreams } from "./posix_net.ts";
import { replaceStandard } from "./posix_streams.ts";
import type { Adopter, FsFiles, HandlePlatform, StreamAdopter } from "./types.ts";
import { replaceStandardWindows, windowsPlatform } from "./windows.ts";
import { denoWindowsAdopter, windowsAdopter, windowsFsFiles } from "./windows_adopt.ts";
import { windowsStreams } from "./windows_net.ts";

let chosen: HandlePlatform | undefined;

/** The implementation for the running system, chosen at the first call. */
export function platform(): HandlePlatform {
  return chosen ?? (chosen = isWindows() ? windowsPlatform : posixPlatform);
}

/** How the running runtime takes over a handle. */
export function adopter(): Adopter {
  if (!isWindows()) return posixAdopter;
  return "Deno" in globalThis ? denoWindowsAdopter : windowsAdopter;
}

/** How Deno's own files are sources and results on the running system. */
export function fsFiles(): FsFiles {
  return isWindows() ? windowsFsFiles : posixFsFiles;
}

/** How the running runtime makes streams and servers of handles. */
export function streams(): StreamAdopter {
  return isWindows() ? windowsStreams : posixStreams;
}

/** What makes one of fds 0 to 2 refer to another object, with all that the runtime has beside it. */
export function standardReplacer(): HandlePlatform["duplicateOnto"] {
  return isWindows() ? replaceStandardWindows : replaceStandard;
}
