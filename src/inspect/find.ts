/** Finding handles: which processes hold a file, a port or the object of a handle. */
import { checkInteger, show } from "../../ffi/check.ts";
import { checkKeys } from "../handle/options.ts";
import { type HandleSource, rawOf } from "../handle/source.ts";
import { inspectPlatform } from "./platform.ts";
import type { FindTarget, FoundHandles, PathTarget, PortTarget } from "./types.ts";

/**
 * Finds who holds a file, a port or an object: the handles of all processes to it, this one included. It is
 * `lsof PATH`, `fuser PORT/tcp` or "the file is open in another program", on both systems.
 *
 * - `{ path }`: the handles to the file, by whichever path it was opened. A path of a Unix socket is held by
 *   the socket that is bound to it, and by the connections that it has accepted.
 * - `{ port }`: the sockets of TCP and UDP whose own port is this one: those that listen, and the connections.
 *   The property `socket` tells them apart.
 * - a source: the duplicates of this handle, which share its open file. Another opening of the path is found
 *   by `{ path }`.
 *
 * What this process may not examine is not an error: `hidden` has the processes that may be holders, too, with the
 * reason. It takes some milliseconds for each hundred processes, and the answer is of this moment: a holder may
 * have closed it by now, and its number may be another handle's. {@linkcode ProcessHandle.take} with
 * `{ closeSource: true }` closes a handle of another process, on Windows.
 *
 * A memory mapping, a running program and a working directory are no handles.
 *
 * - Linux: of other users' processes only root sees the handles. `{ port }` is of this network namespace; a socket
 *   of another one is found at its path when it was bound by an absolute path. A TCP socket that is bound and
 *   neither listens nor is connected is not in the kernel's list before Linux 6.7. Whether open files are one is
 *   known by kcmp(2); where a container forbids it, sockets and what has different access are told apart, and the
 *   rest is in `hidden`.
 * - Windows: each handle of the same kind is duplicated for a moment; files are compared by their number on the
 *   volume. Since Windows Vista the system itself says which processes use a file, so only those are examined, and
 *   one without a handle that can be seen (it may run the file, or map it) is found with `raw` `undefined`. Where
 *   it does not say that, as Wine, all are examined. The system has the process of each port; a socket on which an
 *   operation is under way, as on those that a runtime serves, cannot be queried safely: its process is found
 *   with `raw` `undefined`. Pipes and files on which another thread waits are never queried.
 *
 * @param what a path, a port, or a source
 * @returns the handles, lowest pid first, with the property `hidden`
 * @throws {HandleError} `ENOENT`, `EACCES` and other failures to reach the path; `EBADF` when the source is not
 * open; `EMFILE` or `ENFILE` when no descriptor is free; `ENOTSUP` on macOS
 * @throws {TypeError} when `what` is none of the three
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
 * @see https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
 * @see https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
 *
 * @example
 * ```ts
 * import { findHandles } from "duphandle";
 *
 * const found = findHandles({ path: "README.md" });
 * for (const { pid, raw, access } of found) console.log(pid, raw, access); // such as: 4711 12 read
 * console.log(`${found.hidden.length} processes could not be examined`);
 * ```
 */
export function findHandles(what: PathTarget | PortTarget | HandleSource): FoundHandles {
  return inspectPlatform().find(targetOf(what));
}

/** Checks what is to be found, and reads its property once. */
function targetOf(what: PathTarget | PortTarget | HandleSource): FindTarget {
  if (!isPlain(what) || "fd" in what) return { raw: rawOf(what as HandleSource) };
  if ("path" in what) {
    checkKeys(what, ["path"]);
    return { path: checkPath((what as PathTarget).path) };
  }
  checkKeys(what, ["port"]);
  const { port } = what as PortTarget;
  checkInteger(port, "port", 1, 0xffff);
  return { port };
}

/** Whether it is an object of a literal, in any realm: servers and streams have a `path` or a `port`, too. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && ("path" in value || "port" in value);
}

function checkPath(path: unknown): string {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) return path;
  throw new TypeError(
    `Cannot use ${show(path)} as path: it must be a text that is not empty and has no NUL; ` +
      "fileURLToPath() of node:url makes one of a URL",
  );
}
