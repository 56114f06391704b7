/** Which users the peer of a channel may be of, on Linux: by what the kernel says of it. */
import { hasCode } from "../../ffi/error.ts";
import { SOL_SOCKET } from "../../ffi/posix/constants.ts";
import { getsockopt } from "../../ffi/posix/socket_option.ts";
import { type Credentials, effectiveUser } from "../../ffi/posix/unix_socket.ts";
import type { PeerUsers } from "./types.ts";

/** sys/socket.h: the supplementary groups of the process that has connected or listens. */
const SO_PEERGROUPS = 59;
/** The most bytes of them that are read: 16,384 groups. */
const MAX_GROUPS_SIZE = 65_536;

/** The permissions of the sockets of a server: the kernel's word decides, so where others may come in, all knock. */
export function modeFor({ uids, gids }: PeerUsers): number {
  return uids.length === 0 && gids.length === 0 ? 0o600 : 0o666;
}

/**
 * Whether a peer is of this user, or of one of the users or groups.
 *
 * @param fd the socket to which it is connected
 * @param peer who it is
 */
export function isAllowed(fd: number, { uid, gid }: Credentials, users: PeerUsers): boolean {
  if (uid === effectiveUser() || users.uids.includes(uid)) return true;
  if (users.gids.length === 0) return false;
  return [gid, ...groupsOf(fd)].some((each) => users.gids.includes(each));
}

/** The supplementary groups; none where the kernel does not tell them. */
function groupsOf(fd: number): number[] {
  try {
    return [...new Uint32Array(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, MAX_GROUPS_SIZE).buffer)];
  } catch (error) {
    if (hasCode(error, "EBADF", "ENOMEM")) throw error;
    return [];
  }
}
