/** Which faults a function can meet: those of the system calls that it makes. */
import type { TracedCall } from "./tracer.ts";

/** The errors. */
export const errors = ["EINTR", "EMFILE", "ENFILE", "ENOMEM", "EPERM", "EAGAIN", "EIO"] as const;

/** A fault: the system call, the error, and at which of the calls in a thread it comes. */
export interface Fault {
  readonly call: string;
  readonly error: string;
  readonly when: number;
}

/** The most calls of a kind of which each fails once. */
const MOST = 5;

/**
 * Calls that the runtime makes for itself at any moment, not for a function of this library: its memory,
 * its threads, its event loop, its clocks, the start of the program in a child. None of them but epoll_ctl is
 * in the tables of ffi/posix/symbols, so the library cannot be the caller; test/socket has that one fail.
 */
const ofRuntime = new Set([
  ...["mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "mincore", "membarrier"],
  ...["pkey_alloc", "pkey_mprotect", "pkey_free"],
  ...["futex", "sched_yield", "sched_getaffinity", "sched_setaffinity", "gettid", "getpid"],
  ...["set_robust_list", "rseq", "exit", "exit_group", "tgkill", "restart_syscall"],
  ...["rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "sigaltstack", "rt_sigtimedwait"],
  ...["epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "epoll_create1", "eventfd2"],
  ...["timerfd_create", "timerfd_settime", "io_uring_setup", "io_uring_enter"],
  ...["clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "getrandom", "getrusage"],
  ...["sysinfo", "uname", "getcpu", "times"],
  // They cannot fail.
  ...["getuid", "geteuid", "getgid", "getegid", "umask"],
]);

/** What an event loop wakes itself up with. */
const wakeups = /^\d+<(anon_inode:\[(eventfd|eventpoll|timerfd)\]|pipe:)/;

/** Whether it is a call that the function under test made, itself or through the runtime. */
export function isSubjectCall({ name, text }: TracedCall): boolean {
  if (ofRuntime.has(name)) return false;
  return !(/^(read|write|close)$/.test(name) && wakeups.test(text) && !text.startsWith("0"));
}

/** Errors that say something else than that the call failed, so that one that is not so shows nothing. */
const answers: readonly {
  readonly subject: RegExp;
  readonly fault: RegExp;
  readonly reason: string;
}[] = [
  {
    subject: /^HandleChannel.connect/,
    fault: /^connect:EAGAIN/,
    reason: "as many wake-ups as may wait are there already: the server will come to them",
  },
  {
    subject: /^HandleChannel.connect/,
    fault: /^recvmsg:EAGAIN/,
    reason: "the message has not arrived yet: a wake-up follows it",
  },
];

/** Whether a fault shows something. */
export function isMeaningful(subject: string, { call, error }: Fault): boolean {
  return !answers.some((each) => each.subject.test(subject) && each.fault.test(`${call}:${error}`));
}

/** Whether a call is one of `only`: by its name, which a part of its arguments may follow. */
function isMeant(one: string, { name, text }: TracedCall): boolean {
  const [wanted, part = ""] = one.split(" ");
  return name === wanted && text.includes(part);
}

/** The faults of a function, from a trace of a call of it. */
export function faultsOf(
  calls: readonly TracedCall[],
  only: readonly string[] | undefined,
): Fault[] {
  const counts = new Map<string, Map<number, number>>();
  const places = new Map<string, Set<number>>();
  for (const call of calls) {
    const byThread = counts.get(call.name) ?? new Map<number, number>();
    counts.set(call.name, byThread);
    const when = (byThread.get(call.thread) ?? 0) + 1;
    byThread.set(call.thread, when);
    if (when > MOST || !isSubjectCall(call)) continue;
    if (only !== undefined && !only.some((each) => isMeant(each, call))) continue;
    const whens = places.get(call.name) ?? new Set<number>();
    places.set(call.name, whens.add(when));
  }
  return [...places].flatMap(([call, whens]) =>
    [...whens].sort((a, b) => a - b).flatMap((when) =>
      errors.map((error) => ({ call, error, when }))
    )
  );
}

/** The most faults of a function in a quick run, in each runtime. */
const MOST_IN_PART = 5;

/**
 * A part of the faults, always the same: some places, each with another error.
 *
 * @param seed differs by function and by runtime, so that together they have all places and errors
 */
export function partOf(faults: readonly Fault[], seed: number): Fault[] {
  const places = [...new Set(faults.map(({ call, when }) => `${call} ${when}`))];
  const step = Math.max(1, places.length / MOST_IN_PART);
  const chosen = new Map<string, string>();
  for (let part = 0; part * step < places.length; part++) {
    const place = places[(Math.floor(part * step) + seed) % places.length]!;
    chosen.set(place, errors[(part * 3 + seed) % errors.length]!);
  }
  return faults.filter(({ call, when, error }) => chosen.get(`${call} ${when}`) === error);
}
