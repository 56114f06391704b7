/**
 * The operations of prctl(2): those that {@linkcode prctl} passes on, and the names of those that take an
 * address. The numbers are those of linux/prctl.h.
 *
 * What is in neither list is refused: an operation that a newer kernel adds may take an address, too. So are
 * those that take numbers and end or break a process with a just-in-time compiler, such as `PR_SET_TSC`.
 */

/** The operations whose arguments are numbers. */
export const numberOptions: ReadonlySet<number> = /* @__PURE__ */ new Set([
  1, // PR_SET_PDEATHSIG
  3, // PR_GET_DUMPABLE
  4, // PR_SET_DUMPABLE
  7, // PR_GET_KEEPCAPS
  8, // PR_SET_KEEPCAPS
  13, // PR_GET_TIMING
  14, // PR_SET_TIMING
  21, // PR_GET_SECCOMP
  23, // PR_CAPBSET_READ
  24, // PR_CAPBSET_DROP
  27, // PR_GET_SECUREBITS
  28, // PR_SET_SECUREBITS
  29, // PR_SET_TIMERSLACK
  30, // PR_GET_TIMERSLACK
  31, // PR_TASK_PERF_EVENTS_DISABLE
  32, // PR_TASK_PERF_EVENTS_ENABLE
  33, // PR_MCE_KILL
  34, // PR_MCE_KILL_GET
  36, // PR_SET_CHILD_SUBREAPER
  38, // PR_SET_NO_NEW_PRIVS
  39, // PR_GET_NO_NEW_PRIVS
  41, // PR_SET_THP_DISABLE
  42, // PR_GET_THP_DISABLE
  47, // PR_CAP_AMBIENT
  52, // PR_GET_SPECULATION_CTRL
  53, // PR_SET_SPECULATION_CTRL
  57, // PR_SET_IO_FLUSHER
  58, // PR_GET_IO_FLUSHER
  66, // PR_GET_MDWE
  67, // PR_SET_MEMORY_MERGE
  68, // PR_GET_MEMORY_MERGE
  0x5961_6d61, // PR_SET_PTRACER
]);

/** The operations that take an address, by their names for the message. */
export const addressOptions: ReadonlyMap<number, string> = /* @__PURE__ */ new Map([
  [2, "PR_GET_PDEATHSIG"],
  [5, "PR_GET_UNALIGN"],
  [9, "PR_GET_FPEMU"],
  [11, "PR_GET_FPEXC"],
  [15, "PR_SET_NAME"],
  [16, "PR_GET_NAME"],
  [19, "PR_GET_ENDIAN"],
  [22, "PR_SET_SECCOMP"],
  [25, "PR_GET_TSC"],
  [35, "PR_SET_MM"],
  [37, "PR_GET_CHILD_SUBREAPER"],
  [40, "PR_GET_TID_ADDRESS"],
  [59, "PR_SET_SYSCALL_USER_DISPATCH"],
  [62, "PR_SCHED_CORE"],
  [0x4155_5856, "PR_GET_AUXV"],
  [0x5356_4d41, "PR_SET_VMA"],
]);
