/** Winsock, which is started before its first call. */
import type { Calls } from "../backend/types.ts";
import { ws2_32 } from "./symbols/base.ts";
import { win32Error } from "./errors.ts";
import { lazy, type Library } from "./libraries.ts";
import { scratch } from "../backend/scratch.ts";

const VERSION_2_2 = 0x0202;

const library: Library<typeof ws2_32> = /* @__PURE__ */ lazy("ws2_32.dll", ws2_32);
let started = false;

/**
 * The functions of Winsock. The first call starts it; the end of the process ends it.
 *
 * Starting it overwrites the scratch memory, so call this before filling that.
 */
export function winsock(): Calls<typeof ws2_32> {
  const calls = library();
  if (started) return calls;
  const error = calls.WSAStartup(VERSION_2_2, scratch().address);
  if (error !== 0) throw win32Error(error, "WSAStartup", undefined);
  started = true;
  return calls;
}

/** winsock2.h: the level and the option for the type of a socket, and the error for other handles. */
const SOL_SOCKET = 0xffff;
const SO_TYPE = 0x1008;
const WSAENOTSOCK = 10038;

/**
 * Whether the handle is a socket of Winsock. An error other than WSAENOTSOCK is one that only a
 * socket has.
 */
export function isSocketOfWinsock(raw: number): boolean {
  const { getsockopt, WSAGetLastError } = winsock();
  const { address, data } = scratch();
  data.setInt32(4, 4, true);
  return getsockopt(raw, SOL_SOCKET, SO_TYPE, address, address + 4) === 0 ||
    WSAGetLastError() !== WSAENOTSOCK;
}
