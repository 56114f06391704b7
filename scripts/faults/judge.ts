/** What a call may do when a system call of it fails: succeed, or throw the error of that call. */
import type { Fault } from "./plan.ts";
import type { Thrown } from "./victim.ts";

/** The names in C of system calls that the kernel names differently. */
const namesInC: Readonly<Record<string, readonly string[]>> = {
  openat: ["open"],
  prlimit64: ["getrlimit", "setrlimit"],
  statx: ["fstat", "stat", "lstat"],
  fstat: ["fstat"],
  newfstatat: ["fstat", "stat"],
  pselect6: ["select"],
  accept4: ["accept"],
  readlinkat: ["readlink"],
  // The runtimes do not say which of these failed.
  bind: ["listen"],
  socket: ["listen"],
};

/** An outcome that is not the error of the failed call, and why it is right. */
interface Exception {
  /** The line of the table, or its beginning. */
  readonly subject: RegExp;
  readonly fault: RegExp;
  /** What is thrown, as {@linkcode show} writes it. */
  readonly thrown: RegExp;
  readonly reason: string;
}

const exceptions: readonly Exception[] = [
  {
    subject: /^isSameObject/,
    fault: /^kcmp:(ENOSYS|EPERM)/,
    thrown: /^HandleError ENOTSUP of kcmp/,
    reason: "the kernel has no kcmp(2) or forbids it: its doc comment says what follows",
  },
  {
    subject: /Deno.FsFile/,
    fault: /^openat:EPERM/,
    thrown: /^HandleError EACCES of open: Cannot make a Deno.FsFile/,
    reason: "Deno has one error for a permission of its own and one of the system",
  },
  {
    subject: /Deno.FsFile/,
    fault: /^statx:(EINTR|ENFILE)/,
    thrown: /^HandleError EIO of fstat: Cannot use a Deno.FsFile: Deno cannot identify/,
    reason: "Deno has no code for these two",
  },
  {
    subject: /^inherited$/,
    fault: /^(fcntl|statx):/,
    thrown: /^HandleError EBADF of spawn: .* is not what the parent gave/,
    reason: "fcntl(F_GETFD) and statx(2) of an open descriptor do not fail: it is not open",
  },
  {
    subject: /^(stopAccepting|drain)$/,
    fault: /^fcntl:/,
    thrown: /^HandleError ENOTSUP of epoll_ctl: Cannot stop the server/,
    reason:
      "fcntl(F_GETFD) of an open descriptor does not fail: that of the event loop is not open",
  },
  {
    subject: /^HandleChannel.listen/,
    fault: /^(socket|bind|listen|fcntl|getsockopt|setsockopt):/,
    thrown: /^HandleError (EIO|EINVAL) of listen/,
    reason:
      "Bun says that it cannot listen, Node that it does not know the socket, and neither why",
  },
  {
    subject: /^to(Socket|Readable|Writable)/,
    fault: /^fcntl:/,
    thrown: /^HandleError EBADF of fcntl: Cannot fcntl/,
    reason: "Deno has one error for all that fails when it takes a descriptor",
  },
  {
    subject: /^listenOn a path/,
    fault: /^(statx:|(flock|connect):EAGAIN)/,
    thrown: /^HandleError EADDRINUSE of bind/,
    reason:
      "EAGAIN is how the kernel says that another process has it; and what cannot be looked at is not removed",
  },
  {
    subject: /^HandleServer.close/,
    fault: /^statx:/,
    thrown: /^HandleError E\w+ of unlink/,
    reason: "the runtime looks at a file before it removes it",
  },
  {
    subject: /^HandleChannel.connect/,
    fault: /^(getsockopt|recvmsg|fcntl|fstat):/,
    thrown: /^HandleError EPIPE of connect/,
    reason: "it failed on the side of the server, which then refuses the connection",
  },
  {
    subject: /^(HandleChannel.connect|parentChannel|spawn.*channel)/,
    fault: /^(getsockopt|getsockname|fcntl|fstat|ioctl):/,
    thrown: /^HandleError E\w+ of fstat: .* a socket for a channel/,
    reason: "the runtime's node:net says that it cannot use the socket, and not why",
  },
  {
    subject: /^HandleChannel.receive/,
    fault: /^recvmsg:EAGAIN/,
    thrown: /^HandleError EPROTO of receive/,
    reason:
      "handles are sent before the message that announces them: without them it is a wrong message",
  },
  {
    subject: /^(DescriptorPool|PooledDescriptor)/,
    fault: /^sendmsg:EAGAIN/,
    thrown: /^HandleError EMFILE of sendmsg/,
    reason: "a full socket takes no more descriptors: the message says what to do about it",
  },
  {
    subject: /^(DescriptorPool|PooledDescriptor)/,
    fault: /^recvmsg:EAGAIN/,
    thrown: /^HandleError EMFILE of recvmsg/,
    reason: "the message is there: the kernel has EAGAIN only for an empty socket",
  },
];

/** An error on one line. */
export function show({ name, code, syscall, message }: Thrown): string {
  return `${name} ${code} of ${syscall}: ${message}`;
}

/** What is wrong with what was thrown; `undefined` when it is right. */
export function judge(subject: string, fault: Fault, thrown: Thrown): string | undefined {
  const { call, error, when } = fault;
  const names = [call, ...namesInC[call] ?? []];
  const { isHandleError, code, syscall } = thrown;
  if (isHandleError && code === error && names.includes(syscall ?? "")) return undefined;
  const text = show(thrown);
  const isException = exceptions.some((each) =>
    each.subject.test(subject) && each.fault.test(`${call}:${error}:${when}`) &&
    each.thrown.test(text)
  );
  return isException ? undefined : `throws ${text}`;
}
