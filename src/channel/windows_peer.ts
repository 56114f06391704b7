/** The process at the other end of a channel on Windows: that it is this user's, and a handle of it. */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { scratch } from "../../ffi/backend/scratch.ts";
import { SELF } from "../../ffi/win32/check.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { TOKEN_QUERY, TokenUser } from "../../ffi/win32/object_constants.ts";
import { GetTokenInformation, OpenProcessToken } from "../../ffi/win32/token.ts";
import type { ProcessReference } from "../process/types.ts";
import { windowsProcesses } from "../process/windows.ts";

/** Of a SID: its head, and each of the numbers that follow. */
const SID_HEAD = 8;
const SID_PART = 4;

/**
 * Opens a process of this user.
 *
 * @returns a process whose handle the caller closes
 * @throws {HandleError} `ESRCH` when there is none with this pid, `EACCES` when it is another user's
 */
export function openPeer(pid: number): ProcessReference {
  const peer = { pid, raw: opened(pid) };
  try {
    if (userOf(peer.raw) === userOf(SELF)) return peer;
  } catch (error) {
    CloseHandle(peer.raw);
    throw error;
  }
  CloseHandle(peer.raw);
  throw foreign(pid);
}

function opened(pid: number): number {
  try {
    return windowsProcesses.open(pid);
  } catch (error) {
    throw hasCode(error, "EACCES") ? foreign(pid, error) : error;
  }
}

/** The user that a process runs as, as text that is the same for the same user only. */
function userOf(process: number): string {
  const token = OpenProcessToken(process, TOKEN_QUERY);
  try {
    const user = GetTokenInformation(token, TokenUser);
    // A pointer to the SID, which lies behind it.
    const data = new DataView(user.buffer);
    const sid = Number(data.getBigUint64(0, true)) - scratch().address;
    return user.subarray(sid, sid + SID_HEAD + SID_PART * user[sid + 1]!).join();
  } finally {
    CloseHandle(token);
  }
}

function foreign(pid: number, cause?: unknown): HandleError {
  return failure("EACCES", "OpenProcess", {
    message:
      `Cannot open a channel with process ${pid}: it is another user's, or has more rights ` +
      "than this one; run both as the same user, and both elevated or none",
    cause,
  });
}
