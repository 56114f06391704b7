/** The handles of another process on Linux, from its folder in /proc. */
import { failureByCode, HandleError, hasCode } from "../../ffi/error.ts";
import { O_CLOEXEC } from "../../ffi/posix/constants.ts";
import { descriptorsOf, identityAt } from "../../ffi/posix/identity.ts";
import { linkText, procText } from "../../ffi/posix/proc.ts";
import { type HandleInfo, handleInfo } from "./types.ts";
import { accessOfFlags, hasPosition, kindOf, nameOf } from "./posix_kinds.ts";
import { whatWouldHelpLooking } from "../process/ptrace.ts";

/** It is the one reason for which /proc says EPERM and tells nothing more. */
const HIDDEN =
  "/proc is mounted with hidepid, so it tells nothing of other users' processes: run as its user, " +
  "or with the capability CAP_SYS_PTRACE";

/**
 * What is known of every handle of another process. Each is read through a descriptor of this one:
 * where there is none left, it fails as a whole, since a list that lacks some would be believed.
 *
 * @throws {HandleError} `ESRCH` when there is no such process, `EACCES` when it may not be examined
 * and `EPERM` when not even its state may be; `EMFILE`, `ENFILE`, `ENOMEM` when this process or the
 * system has no room to look
 */
export function listOther(pid: number): HandleInfo[] {
  let found: HandleInfo[];
  try {
    found = descriptorsOf(pid).map((fd) => look(pid, fd)).filter((info) => info !== undefined);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) throw noSuchProcess(pid, error);
    if (hasCode(error, "EPERM")) throw refused(pid, error, HIDDEN);
    if (!hasCode(error, "EACCES")) throw error;
    if (hasEnded(pid)) throw noSuchProcess(pid, error);
    throw refused(pid, error, whatWouldHelpLooking(pid));
  }
  if (found.length === 0 && hasEnded(pid)) throw noSuchProcess(pid);
  return found;
}

/** One handle; `undefined` when it is closed by now. */
function look(pid: number, fd: number): HandleInfo | undefined {
  const place = `/proc/${pid}/fd/${fd}`;
  const link = linkText(place);
  const text = link === undefined ? undefined : procText(`/proc/${pid}/fdinfo/${fd}`);
  const [, pos, octal] = text?.match(/^pos:\t(\d+)\nflags:\t(\d+)$/m) ?? [];
  if (octal === undefined) return undefined;
  const flags = parseInt(octal, 8);
  const identity = identityAt(place);
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

/** Whether it is not there, or has ended and is not yet waited for: that has no handles. */
function hasEnded(pid: number): boolean {
  return /^State:\t[^ZX]/m.exec(procText(`/proc/${pid}/status`) ?? "") === null;
}

function noSuchProcess(pid: number, cause?: HandleError): HandleError {
  const failed = failureByCode("ESRCH");
  return notListed(
    pid,
    failed,
    "it has ended or never was, or /proc does not show it: check the pid",
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
