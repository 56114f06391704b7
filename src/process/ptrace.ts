/** Why Linux refuses a handle of another process, and what would help: ptrace(2) and Yama. */
import { HandleError, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import { identityAt } from "../../ffi/posix/identity.ts";
import { procText } from "../../ffi/posix/proc.ts";

/** Where the setting is, on a kernel that has it. */
const SCOPE = "/proc/sys/kernel/yama/ptrace_scope";

/**
 * `kernel.yama.ptrace_scope`: 0, 1, 2 or 3; `undefined` where the kernel has no Yama, so that
 * nothing but the users of the two processes decides.
 *
 * @throws {HandleError} `EMFILE`, `ENFILE`, `ENOMEM` when it is there and cannot be read now
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
    // Then the kernel has not even looked for it. Asking whether it is there needs no descriptor.
    if (hasCode(error, "EMFILE", "ENFILE") && identityAt(SCOPE) === undefined) return undefined;
    throw error;
  }
}

/** What somebody who was refused can do. */
export function whatWouldHelp(target: number | undefined): string {
  return toldOrWhyNot(() => `${reason(target)}; or let it send the handle over a channel`);
}

/** What somebody can do who may not even look. It is the lesser right: Yama does not restrict it. */
export function whatWouldHelpLooking(target: number): string {
  return toldOrWhyNot(() =>
    anothersUser(target) ??
      "it has more privileges than this process or made itself undumpable: give this process the " +
        "capability CAP_SYS_PTRACE"
  );
}

/** The advice. Where it cannot be found out, that is no reason to hide the refusal it is for. */
function toldOrWhyNot(advice: () => string): string {
  try {
    return advice();
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    return `what would help cannot be told: ${error.message}`;
  }
}

/** That it is another user's, where it is. */
function anothersUser(target: number | undefined): string | undefined {
  const [theirs, ours] = [userOf(target), userOf(pid())];
  if (theirs === undefined || theirs === ours) return undefined;
  return `it belongs to user ${theirs} and this process to user ${ours}: run as that user, or ` +
    "with the capability CAP_SYS_PTRACE";
}

function reason(target: number | undefined): string {
  const stranger = anothersUser(target);
  if (stranger !== undefined) return stranger;
  const scope = ptraceScope();
  if (scope === 1) {
    return "kernel.yama.ptrace_scope is 1, so only an ancestor may take: start it from here, call " +
      `allowTake(${pid()}) in it, or give this process the capability CAP_SYS_PTRACE`;
  }
  if (scope === 2) {
    return "kernel.yama.ptrace_scope is 2: give this process the capability CAP_SYS_PTRACE";
  }
  if (scope === 3) return "kernel.yama.ptrace_scope is 3, so nobody may until the next boot";
  const yama = scope === undefined ? "this kernel has no Yama" : "kernel.yama.ptrace_scope is 0";
  return `${yama}, so it has more privileges than this process, made itself undumpable, or a ` +
    "container forbids the call: give this process the capability CAP_SYS_PTRACE";
}

/** The effective user of a process; `undefined` when it has ended or /proc does not tell. */
function userOf(process: number | undefined): number | undefined {
  const text = process === undefined ? undefined : procText(`/proc/${process}/status`);
  const user = text?.match(/^Uid:\t\d+\t(\d+)/m)?.[1];
  return user === undefined ? undefined : Number(user);
}
