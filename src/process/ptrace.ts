/** Why Linux refuses a handle of another process, and which permission is missing: Yama. */
import { HandleError, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import { identityAt } from "../../ffi/posix/identity.ts";
import { procText } from "../../ffi/posix/proc.ts";

/** Where the setting is, on a kernel that has it. */
const SCOPE = "/proc/sys/kernel/yama/ptrace_scope";

/**
 * `kernel.yama.ptrace_scope`: 0, 1, 2 or 3; `undefined` where the kernel has no Yama, and
 * only the users of the two processes matter.
 *
 * @throws {HandleError} `EMFILE`, `ENFILE`, `ENOMEM` when it exists and cannot be read now
 * @see https://docs.kernel.org/admin-guide/LSM/Yama.html
 */
export function ptraceScope(): number | undefined {
  const text = scopeText();
  return text === undefined ? undefined : Number(text);
}

function scopeText(): string | undefined {
  try {
    return procText(SCOPE);
  } catch (error) {
    // The limit is checked before the file is looked up; this check whether it exists needs no fd.
    if (hasCode(error, "EMFILE", "ENFILE") && identityAt(SCOPE) === undefined) return undefined;
    throw error;
  }
}

/** How to get the permission to take a handle of a process. */
export function permissionAdvice(target: number | undefined): string {
  return adviceOrCause(() => `${takeAdvice(target)}; or let it send the handle over a channel`);
}

/** How to get the permission to inspect a process: a lesser right, which Yama does not restrict. */
export function inspectPermissionAdvice(target: number): string {
  return adviceOrCause(() =>
    differentUserHint(target) ??
      "it has more privileges than this process or made itself undumpable: give this process the " +
        "capability CAP_SYS_PTRACE"
  );
}

/** The advice, or why there is none: a failure here must not replace the error that it explains. */
function adviceOrCause(advice: () => string): string {
  try {
    return advice();
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    return `what would help is not known: ${error.message}`;
  }
}

/** The advice for a process of another user; `undefined` when the user is the same or unknown. */
function differentUserHint(target: number | undefined): string | undefined {
  const [theirs, ours] = [effectiveUserOf(target), effectiveUserOf(pid())];
  if (theirs === undefined || theirs === ours) return undefined;
  return `it belongs to user ${theirs} and this process to user ${ours}: run as that user, or ` +
    "with the capability CAP_SYS_PTRACE";
}

function takeAdvice(target: number | undefined): string {
  const hint = differentUserHint(target);
  if (hint !== undefined) return hint;
  const scope = ptraceScope();
  if (scope === 1) {
    return "kernel.yama.ptrace_scope is 1, so only an ancestor may take: start it from here, call " +
      `allowTake(${pid()}) in it, or give this process the capability CAP_SYS_PTRACE`;
  }
  if (scope === 2) {
    return "kernel.yama.ptrace_scope is 2: give this process the capability CAP_SYS_PTRACE";
  }
  if (scope === 3) return "kernel.yama.ptrace_scope is 3, so no process may until the next boot";
  const yama = scope === undefined ? "this kernel has no Yama" : "kernel.yama.ptrace_scope is 0";
  return `${yama}, so it has more privileges than this process, made itself undumpable, or a ` +
    "container forbids the call: give this process the capability CAP_SYS_PTRACE";
}

/** The effective user of a process; `undefined` when it has ended or /proc does not show it. */
function effectiveUserOf(process: number | undefined): number | undefined {
  const text = process === undefined ? undefined : procText(`/proc/${process}/status`);
  const user = text?.match(/^Uid:\t\d+\t(\d+)/m)?.[1];
  return user === undefined ? undefined : Number(user);
}
