/** Winsock, which wants to be started before its first call. */
import type { Calls } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import { ws2_32 } from "./symbols/sockets.ts";
import { win32Error } from "./errors.ts";
import { lazy, type Library } from "./libraries.ts";

const VERSION_2_2 = 0x0202;

const library: Library<typeof ws2_32> = /* @__PURE__ */ lazy("ws2_32.dll", ws2_32);
let started = false;

/**
 * Winsock's functions. It counts how often it is started, and ends with the process.
 *
 * Starting it writes into the scratch memory: ask for it before that is filled.
 */
export function winsock(): Calls<typeof ws2_32> {
  const calls = library();
  if (started) return calls;
  const error = calls.WSAStartup(VERSION_2_2, scratch().address);
  if (error !== 0) throw win32Error(error, "WSAStartup", undefined);
  started = true;
  return calls;
}
