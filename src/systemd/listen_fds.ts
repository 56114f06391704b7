/** The sockets and files that a service manager has opened for this process: sd_listen_fds(3). */
import { show } from "../../ffi/check.ts";
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { osName, pid as ownPid } from "../../ffi/host.ts";
import { FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { fcntl_getfd, fcntl_setfd } from "../../ffi/posix/fcntl.ts";
import { identityOf, S_IFMT } from "../../ffi/posix/identity.ts";
import { linkText } from "../../ffi/posix/proc.ts";
import { denoFiles } from "../util/node.ts";
import { type OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { findDescriptorsForChildren } from "../handle/posix_streams.ts";
import { readVariable, refuseInWorker } from "../util/environment.ts";
import { tryOrUndefined } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { shared } from "../util/shared.ts";
import { describeProcess } from "./ancestors.ts";

/** How many descriptors are passed, to which process, and their names, which colons separate. */
const COUNT = "LISTEN_FDS";
const PID = "LISTEN_PID";
const NAMES = "LISTEN_FDNAMES";

/** The number of the first one: `SD_LISTEN_FDS_START`. */
const FIRST = 3;
/** The name where none is passed, as sd_listen_fds_with_names(3) has it. */
const NAMELESS = "unknown";

/** What every runtime opens for itself first, and what no manager passes. */
const OF_EVENT_LOOP = /^anon_inode:\[(?:eventpoll|io_uring)\]$/;

/** A socket or a file that the service manager has passed. */
export interface ListenFd {
  /**
   * `FileDescriptorName=` of the socket unit, or the name under which {@linkcode notify} stored it. Several may
   * have the same. `"unknown"` where the manager passes no names, `"connection"` of a unit with `Accept=yes`.
   */
  readonly name: string;
  /** The handle, which the caller closes. It is not inheritable. */
  readonly handle: OwnedHandle;
}

/**
 * Takes the sockets and files that the service manager has opened for this process, in the order of their
 * numbers: the sockets of its socket units (`ListenStream=`, `ListenDatagram=`, …), and what an earlier process of
 * the service has stored with {@linkcode notify}. The list is empty when this process was started otherwise.
 *
 * The manager passes them to one process, that of `LISTEN_PID`. When that is another one, such as `npm`, the
 * numbers are something else here, and the error says which process got them: have the manager start the
 * runtime itself, as in `ExecStart=/usr/bin/node server.js`.
 *
 * The caller owns them, so they can be taken once. No child inherits them, and the environment variables
 * `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` are removed. Deno needs `--allow-ffi` and
 * `--allow-env=LISTEN_PID,LISTEN_FDS,LISTEN_FDNAMES`.
 *
 * What the manager passes may be of any kind, and of a stored connection the other side may have gone meanwhile:
 * `inspectHandle` says what it is. `toServer` and `serveOn` take a socket that listens, `toDatagram` a datagram
 * socket, and `toSocket` a connection.
 *
 * @returns the names and the handles, each of which the caller closes
 * @throws {HandleError} `ESRCH` when they were passed to another process; `EBADF` when one of the numbers is not
 * open, or is one of the runtime's own, or when they were taken before; `EINVAL` when a variable is malformed;
 * `EACCES` when Deno does not permit to read a variable; `ENOTSUP` in a worker thread, and outside Linux when the
 * variables are set. In each case nothing was taken
 * @see https://man7.org/linux/man-pages/man3/sd_listen_fds.3.html
 * @see https://man7.org/linux/man-pages/man5/systemd.socket.5.html
 *
 * @example
 * ```ts
 * import { listenFds } from "duphandle";
 * import { createServer } from "node:http";
 *
 * const server = createServer((_, response) => response.end("hello\n"));
 * const [socket] = listenFds();
 * if (socket !== undefined) await socket.handle.toServer(server);
 * else console.log("not started by a service manager");
 * ```
 */
export function listenFds(): ListenFd[] {
  refuseInWorker();
  const state = shared("listenFds", 1, () => ({ isTaken: false }));
  if (state.isTaken) {
    throw failure("EBADF", "sd_listen_fds", {
      message: "Cannot take the handles of the service manager twice: each has one owner; " +
        "duplicate the first ones",
    });
  }
  const passed = readVariables();
  if (passed === undefined) return [];
  const { count, names } = passed;
  const flags: number[] = [];
  // Each is looked at in turn, so that a count that is a lie ends at the first number that is missing.
  for (let at = 0; at < count; at++) flags.push(requirePassed(FIRST + at));
  // It tells them from Deno's own duplicates by their being inheritable.
  if (count > 0 && denoFiles() !== undefined) findDescriptorsForChildren();
  flags.forEach((each, at) => fcntl_setfd(FIRST + at, each | FD_CLOEXEC));
  for (const name of [PID, COUNT, NAMES]) delete process.env[name];
  state.isTaken = count > 0;
  return flags.map((_, at) => ({
    name: names?.[at] ?? NAMELESS,
    handle: ownedHandle(FIRST + at),
  }));
}

/** What the variables say. */
interface Passed {
  readonly count: number;
  /** One for each, or none at all. */
  readonly names: readonly string[] | undefined;
}

/** What the variables say; `undefined` when the manager has passed nothing. */
function readVariables(): Passed | undefined {
  const countText = readVariable(COUNT);
  if (countText === undefined) return undefined;
  if (osName() !== "linux") {
    throw failure("ENOTSUP", "sd_listen_fds", {
      message: `Cannot take handles by ${COUNT}: only Linux has this protocol; ` +
        "use spawn() and inherited()",
    });
  }
  const pid = readVariable(PID);
  if (pid === undefined || !/^[1-9]\d*$/.test(pid)) throw malformed(PID, pid, "a process");
  if (!/^\d{1,9}$/.test(countText)) throw malformed(COUNT, countText, "how many are passed");
  const namesText = readVariable(NAMES);
  if (Number(pid) !== ownPid()) throw passedToAnother(pid);
  const count = Number(countText);
  const names = count === 0 ? undefined : namesText?.split(":");
  if (names === undefined || names.length === count) return { count, names };
  throw malformed(NAMES, namesText, `one name for each of the ${count} of ${COUNT}`);
}

/** Throws unless a descriptor can be one that the manager passed. Returns its flags. */
function requirePassed(fd: RawHandle): number {
  let flags: number;
  try {
    flags = fcntl_getfd(fd);
  } catch (error) {
    if (hasCode(error, "EBADF")) throw notPassed(fd, "it is not open");
    throw error;
  }
  if (isOfEventLoop(fd)) throw notPassed(fd, "it is the event loop of this runtime");
  return flags;
}

/** Whether it is without a type, as that of an event loop is, and not known to be something else. */
function isOfEventLoop(fd: RawHandle): boolean {
  if (((identityOf(fd)?.mode ?? 0) & S_IFMT) !== 0) return false;
  // A process that may not be traced, such as one with capabilities of its program, cannot read it.
  const link = tryOrUndefined(() => linkText(`/proc/self/fd/${fd}`));
  return link === undefined || OF_EVENT_LOOP.test(link);
}

function notPassed(fd: RawHandle, state: string): HandleError {
  return failure("EBADF", "sd_listen_fds", {
    message:
      `Cannot take fd ${fd}, which ${COUNT} says is passed: ${state}; what was started between the ` +
      "service manager and this program has closed it: have the manager start the runtime itself",
    handle: fd,
  });
}

function passedToAnother(pid: string): HandleError {
  return failure("ESRCH", "sd_listen_fds", {
    message:
      `Cannot take the handles of the service manager: ${PID} is ${pid}, ${
        describeProcess(Number(pid))
      }, and this process is ${ownPid()}; have the manager start the runtime itself, such as ` +
      "ExecStart=/usr/bin/node server.js: npm run, node --run, node --watch, bun run, deno task and tsx start " +
      `another process and pass no handles on. If they are not for this program, remove ${PID} and ${COUNT} ` +
      "from its environment",
  });
}

function malformed(name: string, value: string | undefined, what: string): HandleError {
  const state = value === undefined ? "it is not set" : `it is ${show(value)}`;
  return failure("EINVAL", "sd_listen_fds", {
    message:
      `Cannot take the handles of the service manager: ${name} must say ${what}, and ${state}; ` +
      "see sd_listen_fds in section 3 of the manual",
  });
}
