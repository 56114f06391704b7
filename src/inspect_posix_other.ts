/** The handles of another process on Linux, from its folder in /proc. */
import { failureByCode } from "../ffi/codes.ts";
import { HandleError } from "../ffi/error.ts";
import { O_CLOEXEC } from "../ffi/posix/constants.ts";
import { descriptorsOf, identityAt } from "../ffi/posix/identity.ts";
import { linkText } from "../ffi/posix/link.ts";
import { procText } from "../ffi/posix/proc.ts";
import { type HandleInfo, handleInfo } from "./inspect_info.ts";
import { accessOfFlags, hasPosition, kindOf, nameOf } from "./inspect_posix_kinds.ts";
import { whatWouldHelpLooking } from "./ptrace.ts";

/**
 * What is known of every handle of another process.
 *
 * @throws {HandleError} `ESRCH` when there is no such process, `EACCES` when it may not be examined
 */
export function listOther(pid: number): HandleInfo[] {
  try {
    const found = descriptorsOf(pid).map((fd) => look(pid, fd)).filter((info) =>
      info !== undefined
    );
    if (found.length > 0 || !hasEnded(pid)) return found;
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    if (error.code === "ENOENT" || hasEnded(pid)) throw noSuchProcess(pid, error);
    if (error.code === "EACCES" || error.code === "EPERM") throw refused(pid, error);
    throw error;
  }
  throw noSuchProcess(pid);
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

function refused(pid: number, cause: HandleError): HandleError {
  const state = failureByCode(cause.code);
  return notListed(pid, state, whatWouldHelpLooking(pid), { syscall: cause.syscall, cause });
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
