/** Inspecting handles on Linux, where the kernel reports everything, and on macOS. */
import { failure, type HandleError } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { fcntl_getfd, fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import { isOneOpenFile, withOwnDirectory } from "../../ffi/posix/identity.ts";
import { findAtPath, findAtPort, findOpenFile } from "./posix_find.ts";
import { accessOfFlags } from "./posix_kinds.ts";
import { fileOf, inspectOne, isLinux, listOwn } from "./posix_own.ts";
import { listOther } from "./posix_process.ts";
import { countSharers, countSharing } from "./posix_sharing.ts";
import { addPeers } from "./posix_sockets.ts";
import type { InspectPlatform } from "./types.ts";

/** The implementation for Linux and macOS. */
export const posixInspect: InspectPlatform = {
  inspect(raw) {
    // First of all: throws when it is not open, before its number can become the directory's.
    const flags = fcntl_getfl(raw);
    if (!isLinux()) return inspectOne(raw, flags, undefined, undefined);
    const info = withOwnDirectory((directory) =>
      inspectOne(raw, flags, directory, countSharers(raw, directory))
    );
    addPeers([info]);
    return info;
  },
  isSame(a, b) {
    const answer = isLinux() && a !== b ? isOneOpenFile(a, b) : undefined;
    if (answer === true) return true;
    for (const raw of [a, b]) fcntl_getfd(raw); // throws when it is not open
    if (a === b) return true;
    return answer ?? isSameWithoutKernel(a, b);
  },
  list(pid) {
    if (!isLinux()) throw onlyLinux("list");
    const found = pid === ownPid() ? listOwn() : listOther(pid);
    return countSharing(pid, found);
  },
  find(target) {
    if (!isLinux()) throw onlyLinux("find");
    if ("path" in target) return findAtPath(target.path);
    return "port" in target ? findAtPort(target.port) : findOpenFile(target.raw);
  },
};

/** Two files or two different accesses cannot be one open file. No more is known without the kernel. */
function isSameWithoutKernel(a: number, b: number): false {
  const [one, other] = [fileOf(a), fileOf(b)];
  const isOneFile = one === undefined || other === undefined ||
    (one.device === other.device && one.inode === other.inode);
  if (!isOneFile || accessOfFlags(fcntl_getfl(a)) !== accessOfFlags(fcntl_getfl(b))) return false;
  throw failure("ENOTSUP", "kcmp", {
    message: `Cannot tell whether fd ${a} and fd ${b} are one open file: the system has no kcmp ` +
      "or forbids it here; record in your program which handle is a duplicate of which",
    handle: a,
  });
}

function onlyLinux(what: "list" | "find"): HandleError {
  return failure("ENOTSUP", "open", {
    message: `Cannot ${what} handles: this system has no /proc/PID/fd; use lsof`,
  });
}
