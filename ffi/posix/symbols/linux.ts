/** Linux: its C libraries, the functions that are called there, and the numbers of its headers. */
import type { SymbolTable } from "../../backend/types.ts";

/** glibc, then musl by the names that its distributions give it. */
export const libraries: readonly string[] = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
];

/**
 * A variadic function is called like any other on x86-64 and on arm64, because Linux passes the
 * first variadic integers in the same registers.
 */
export const symbols = {
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "address" },
  // int dup(int oldfd);
  dup: { parameters: ["i32"], result: "i32" },
  // int dup2(int oldfd, int newfd);
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  // int dup3(int oldfd, int newfd, int flags);
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int fcntl(int fd, int cmd, ... /* int arg */);
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // For the message at the limit, when nothing more could be loaded.
  // int getrlimit(int resource, struct rlimit *rlim);
  getrlimit: { parameters: ["i32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/**
 * What only files need: bound at the first use, so that a plain duplicate starts sooner.
 *
 * `read` and `write` are asked for at most 64 KiB, so their results fit an `i32`. That matters: a
 * runtime allocates a `bigint` for an `i64` result, and a garbage collection that this starts can
 * change `errno` before we read it.
 */
export const fileSymbols = {
  // int open(const char *pathname, int flags, ... /* mode_t mode */);
  open: { parameters: ["address", "i32", "u32"], result: "i32" },
  // off_t lseek(int fd, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "address", "address"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "address", "address"], result: "i32" },
  // int pipe2(int pipefd[2], int flags);
  pipe2: { parameters: ["address", "i32"], result: "i32" },
} as const satisfies SymbolTable;

/** What only flushing the C library's own buffers needs; the same on macOS. */
export const stdioSymbols = {
  // int fflush(FILE *stream);
  fflush: { parameters: ["address"], result: "i32" },
} as const satisfies SymbolTable;

/** What only telling open files apart needs: bound at the first use, and nothing else needs them. */
export const identitySymbols = {
  // The structure is the same on every processor, unlike that of fstat.
  // int statx(int dirfd, const char *pathname, int flags, unsigned int mask,
  //   struct statx *statxbuf);
  statx: { parameters: ["i32", "address", "i32", "u32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** What only Linux has, or what not every C library has a function for. */
export const kernelSymbols = {
  // The results of the calls that are made through it fit an i32.
  // long syscall(long number, ...);
  syscall: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64"], result: "i32" },
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4,
  //   unsigned long arg5);
  prctl: { parameters: ["i32", "i64", "i64", "i64", "i64"], result: "i32" },
} as const satisfies SymbolTable;

/** asm/unistd.h: x86-64 has numbers of its own, arm64 those of all newer processors. */
export const callNumbers = {
  x64: { getdents64: 217, kcmp: 312, pidfd_open: 434, close_range: 436, pidfd_getfd: 438 },
  others: { getdents64: 61, kcmp: 272, pidfd_open: 434, close_range: 436, pidfd_getfd: 438 },
} as const;

/** What only channels need: sockets with a path, and messages with descriptors. */
export const channelSymbols = {
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "address", "u32"], result: "i32" },
  // int listen(int sockfd, int backlog);
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);
  accept4: { parameters: ["i32", "address", "address", "i32"], result: "i32" },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  connect: { parameters: ["i32", "address", "u32"], result: "i32" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: { parameters: ["i32", "i32", "i32", "address", "address"], result: "i32" },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: { parameters: ["i32", "i32", "i32", "address", "u32"], result: "i32" },
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);
  sendmsg: { parameters: ["i32", "address", "i32"], result: "i32" },
  // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
  recvmsg: { parameters: ["i32", "address", "i32"], result: "i32" },
  // int fchmod(int fd, mode_t mode);
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  // uid_t geteuid(void);
  geteuid: { parameters: [], result: "u32" },
} as const satisfies SymbolTable;

/** What only changing a limit needs; the same on macOS. */
export const limitSymbols = {
  // int setrlimit(int resource, const struct rlimit *rlim);
  setrlimit: { parameters: ["i32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** What only sockets and waiting need; the same on macOS. */
export const socketSymbols = {
  // int socketpair(int domain, int type, int protocol, int sv[2]);
  socketpair: { parameters: ["i32", "i32", "i32", "address"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["address", "address", "i32"], result: "i32" },
  // int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds,
  //   struct timeval *timeout);
  select: { parameters: ["i32", "address", "address", "address", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** `lseek` for when it has failed: the same failure once more, with an `errno` that is safe to read. */
export const failedSymbols = {
  // off_t lseek(int fd, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i32" },
} as const satisfies SymbolTable;

/** asm/fcntl.h: the flag of direct input and output, whose number is the processor's. */
export const directNumbers = { arm64: 0o200000, others: 0o40000 } as const;

/** fcntl.h, sys/resource.h and sys/socket.h, where Linux and macOS differ. */
export const numbers = {
  F_DUPFD_CLOEXEC: 1030,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_DSYNC: 0o10000,
  O_SYNC: 0o4010000,
  O_NOATIME: 0o1000000,
  O_CLOEXEC: 0o2000000,
  O_NOCTTY: 0o400,
  O_PATH: 0o10000000,
  RLIMIT_NOFILE: 7,
  SOCK_CLOEXEC: 0o2000000,
  SOCK_NONBLOCK: 0o4000,
} as const;

/** A link in /proc is at most a page long, so the result fits an `i32`. */
export const linkSymbols = {
  // ssize_t readlink(const char *pathname, char *buf, size_t bufsiz);
  readlink: { parameters: ["address", "address", "address"], result: "i32" },
} as const satisfies SymbolTable;
