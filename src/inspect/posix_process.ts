/** The handles of another process on Linux, from its directory in /proc. */
import { failureByCode, HandleError, hasCode } from "../../ffi/error.ts";
import { O_CLOEXEC } from "../../ffi/posix/constants.ts";
import { descriptorsOf } from "../../ffi/posix/holders.ts";
import { identityAt } from "../../ffi/posix/identity.ts";
import { linkText, permittedText, procText } from "../../ffi/posix/proc.ts";
import { type HandleInfo, handleInfo } from "./types.ts";
import { accessOfFlags, hasPosition, kindOf, nameOf } from "./posix_kinds.ts";
import { addSockets } from "./posix_sockets.ts";
import { inspectPermissionAdvice } from "../process/ptrace.ts";

/** The advice for EPERM: /proc has no other reason for it. */
export const HIDDEN =
  "/proc is mounted with hidepid, which hides the processes of other users: run as the user of that " +
  "process, or with the capability CAP_SYS_PTRACE";

/**
 * Describes every handle of another process. Each needs a free descriptor in this process for a moment.
 * When there is none, the whole call fails: a list with gaps would look complete.
 *
 * @throws {HandleError} `ESRCH` when there is no such process; `EACCES` when this process may not
 * examine it; `EPERM` when /proc hides it; `EMFILE`, `ENFILE`, `ENOMEM` when this process or the system
 * has no descriptor or memory left
 */
export function listOther(pid: number): HandleInfo[] {
  let found: HandleInfo[];
  try {
    found = descriptorsOf(pid).map((fd) => inspectForeign(pid, fd)).filter((info) =>
      info !== undefined
    );
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) throw noSuchProcess(pid, error);
    if (hasCode(error, "EPERM")) throw refused(pid, error, HIDDEN);
    if (!hasCode(error, "EACCES")) throw error;
    if (hasEnded(pid)) throw noSuchProcess(pid, error);
    throw refused(pid, error, inspectPermissionAdvice(pid));
  }
  if (found.length === 0 && hasEnded(pid)) throw noSuchProcess(pid);
  addSockets(pid, found);
  return found;
}

/** Describes one handle of another process; `undefined` when it has been closed by now. */
export function inspectForeign(pid: number, fd: number): HandleInfo | undefined {
  const path = `/proc/${pid}/fd/${fd}`;
  const link = linkText(path);
  const text = link === undefined ? undefined : permittedText(`/proc/${pid}/fdinfo/${fd}`);
  const [, pos, octal] = text?.match(/^pos:\t(-?\d+)\nflags:\t(\d+)$/m) ?? [];
  if (octal === undefined) return undefined;
  const flags = parseInt(octal, 8);
  const identity = identityAt(path);
  const kind = kindOf(identity, link);
  return handleInfo({
    raw: fd,
    pid,
    kind,
    access: accessOfFlags(flags),
    inheritable: (flags & O_CLOEXEC) === 0,
    ...nameOf(kind, link, identity, `/proc/${pid}/root`),
    position: hasPosition(kind, identity) ? Number(pos) : undefined,
    device: identity?.device,
    inode: identity?.inode,
  });
}

/**
 * Whether a process has ended. One that its parent has not waited for still exists, without handles.
 */
export function hasEnded(pid: number): boolean {
  return /^State:\t[^ZX]/m.exec(procText(`/proc/${pid}/status`) ?? "") === null;
}

function noSuchProcess(pid: number, cause?: HandleError): HandleError {
  const failed = failureByCode("ESRCH");
  return notListed(
    pid,
    failed,
    "it has ended or never existed, or /proc does not show it: check the pid",
    {
      syscall: "open",
      cause,
    },
  );
}

function refused(pid: number, cause: HandleError, advice: string): HandleError {
  return notListed(pid, failureByCode(cause.code), advice, { syscall: cause.syscall, cause });
}

function notListed(
  pid: number,
  { code, status, native, state }: ReturnType<typeof failureByCode>,
  advice: string,
  { syscall, cause }: { syscall: string; cause: HandleError | undefined },
): HandleError {
  return new HandleError(
    `Cannot list the handles of process ${pid}: ${state} (${code}, ${status}, ${native}); ${advice}`,
    { code, status, native, syscall, cause },
  );
}
