/** Opens the peer of a channel on Windows, if it is a process of this user. */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { scratch } from "../../ffi/backend/scratch.ts";
import { SELF } from "../../ffi/win32/check.ts";
import { TOKEN_QUERY, TokenUser } from "../../ffi/win32/object_constants.ts";
import { GetTokenInformation, OpenProcessToken } from "../../ffi/win32/token.ts";
import { closeAll } from "../handle/raw.ts";
import type { ProcessReference } from "../process/types.ts";
import { windowsProcesses } from "../process/windows.ts";

/** The sizes of a SID's header and of each sub-authority after it, in bytes. */
const SID_HEADER_SIZE = 8;
const SUB_AUTHORITY_SIZE = 4;

/**
 * Opens a process of this user.
 *
 * @returns a process whose handle the caller closes
 * @throws {HandleError} `ESRCH` when no process has this pid, `EACCES` when it is another user's
 */
export function openPeer(pid: number): ProcessReference {
  const peer = { pid, raw: openProcess(pid) };
  try {
    if (userOf(peer.raw) === userOf(SELF)) return peer;
    throw differentUserError(pid);
  } catch (error) {
    closeAll([peer.raw]);
    throw error;
  }
}

function openProcess(pid: number): number {
  try {
    return windowsProcesses.open(pid);
  } catch (error) {
    throw hasCode(error, "EACCES") ? differentUserError(pid, error) : error;
  }
}

/** The SID of the user that a process runs as, as text for a comparison. */
function userOf(process: number): string {
  const token = OpenProcessToken(process, TOKEN_QUERY);
  try {
    const user = GetTokenInformation(token, TokenUser);
    // TOKEN_USER begins with a pointer to the SID, which is in the same memory.
    const data = new DataView(user.buffer);
    const sid = Number(data.getBigUint64(0, true)) - scratch().address;
    const size = SID_HEADER_SIZE + SUB_AUTHORITY_SIZE * user[sid + 1]!;
    return user.subarray(sid, sid + size).join();
  } finally {
    closeAll([token]);
  }
}

function differentUserError(pid: number, cause?: unknown): HandleError {
  return failure("EACCES", "OpenProcess", {
    message:
      `Cannot open a channel with process ${pid}: it is another user's, or has more rights ` +
      "than this one; run both as the same user, and both elevated or neither",
    cause,
  });
}
