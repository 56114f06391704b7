/** Linux: its C libraries, the functions that are called there, and the numbers of its headers. */
import type { SymbolTable } from "../../backend/types.ts";

/** The names of glibc, then those of musl in its distributions. */
export const libraries: readonly string[] = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
];

/**
 * The functions for every duplicate. Variadic functions need no special care on x86-64 and arm64: Linux
 * passes the first variadic integers in the same registers as other arguments.
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
  // For the message at the descriptor limit, where no more libraries can be opened.
  // int getrlimit(int resource, struct rlimit *rlim);
  getrlimit: { parameters: ["i32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/**
 * The functions for files. They are bound at their first use, so that a plain duplicate starts sooner.
 *
 * `read` and `write` transfer at most 64 KiB in one call, so their results fit an `i32`. That matters: a
 * runtime allocates a `bigint` for an `i64` result, and a garbage collection at that moment can change
 * `errno` before we read it.
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

/** The function that flushes the buffers of the C library; the same on macOS. */
export const stdioSymbols = {
  // int fflush(FILE *stream);
  fflush: { parameters: ["address"], result: "i32" },
} as const satisfies SymbolTable;

/** The function that identifies files, bound at its first use. */
export const identitySymbols = {
  // Its structure is the same on every processor, unlike that of fstat.
  // int statx(int dirfd, const char *pathname, int flags, unsigned int mask,
  //   struct statx *statxbuf);
  statx: { parameters: ["i32", "address", "i32", "u32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/**
 * Functions that only Linux has, and `syscall` for calls that not every C library has a function for.
 */
export const kernelSymbols = {
  // The results of all calls that we make through it fit an i32.
  // long syscall(long number, ...);
  syscall: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64"], result: "i32" },
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4,
  //   unsigned long arg5);
  prctl: { parameters: ["i32", "i64", "i64", "i64", "i64"], result: "i32" },
} as const satisfies SymbolTable;

/** Call numbers of asm/unistd.h: x86-64 has its own, arm64 has those of all newer processors. */
export const callNumbers = {
  x64: {
    fcntl: 72,
    flock: 73,
    gettid: 186,
    getdents64: 217,
    kcmp: 312,
    pidfd_send_signal: 424,
    pidfd_open: 434,
    close_range: 436,
    pidfd_getfd: 438,
  },
  others: {
    fcntl: 25,
    flock: 32,
    gettid: 178,
    getdents64: 61,
    kcmp: 272,
    pidfd_send_signal: 424,
    pidfd_open: 434,
    close_range: 436,
    pidfd_getfd: 438,
  },
} as const;

/** The functions that make a socket and give it addresses; the same on macOS. */
export const connectionSymbols = {
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "address", "u32"], result: "i32" },
  // int listen(int sockfd, int backlog);
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  connect: { parameters: ["i32", "address", "u32"], result: "i32" },
} as const satisfies SymbolTable;

/** Functions of sockets that macOS does not have, or has with other structures. */
export const messageSymbols = {
  // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);
  accept4: { parameters: ["i32", "address", "address", "i32"], result: "i32" },
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);
  sendmsg: { parameters: ["i32", "address", "i32"], result: "i32" },
  // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
  recvmsg: { parameters: ["i32", "address", "i32"], result: "i32" },
} as const satisfies SymbolTable;

/** The functions for the names of sockets in the file system. */
export const pathSymbols = {
  // int fchmod(int fd, mode_t mode);
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  // int chmod(const char *pathname, mode_t mode);
  chmod: { parameters: ["address", "u32"], result: "i32" },
  // int rename(const char *oldpath, const char *newpath);
  rename: { parameters: ["address", "address"], result: "i32" },
  // int link(const char *oldpath, const char *newpath);
  link: { parameters: ["address", "address"], result: "i32" },
  // int unlink(const char *pathname);
  unlink: { parameters: ["address"], result: "i32" },
  // uid_t geteuid(void);
  geteuid: { parameters: [], result: "u32" },
} as const satisfies SymbolTable;

/** The function that changes a limit; the same on macOS. */
export const limitSymbols = {
  // int setrlimit(int resource, const struct rlimit *rlim);
  setrlimit: { parameters: ["i32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** The functions for socket pairs and for waiting; the same on macOS. */
export const socketSymbols = {
  // int socketpair(int domain, int type, int protocol, int sv[2]);
  socketpair: { parameters: ["i32", "i32", "i32", "address"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["address", "address", "i32"], result: "i32" },
  // int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds,
  //   struct timeval *timeout);
  select: { parameters: ["i32", "address", "address", "address", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** The functions that say what a socket or a terminal is, and set its options; the same on macOS. */
export const socketNameSymbols = {
  // int shutdown(int sockfd, int how);
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: { parameters: ["i32", "i32", "i32", "address", "u32"], result: "i32" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: { parameters: ["i32", "i32", "i32", "address", "address"], result: "i32" },
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getsockname: { parameters: ["i32", "address", "address"], result: "i32" },
  // int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getpeername: { parameters: ["i32", "address", "address"], result: "i32" },
  // int isatty(int fd);
  isatty: { parameters: ["i32"], result: "i32" },
} as const satisfies SymbolTable;

/** The functions for netlink: the kernel is asked for its list of sockets by a message. */
export const netlinkSymbols = {
  // ssize_t send(int sockfd, const void *buf, size_t len, int flags);
  send: { parameters: ["i32", "address", "address", "i32"], result: "i32" },
  // ssize_t recv(int sockfd, void *buf, size_t len, int flags);
  recv: { parameters: ["i32", "address", "address", "i32"], result: "i32" },
} as const satisfies SymbolTable;

/** The function that tells the kernel which descriptors an event loop watches. */
export const epollSymbols = {
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
  epoll_ctl: { parameters: ["i32", "i32", "i32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** The function that reads a clock. */
export const clockSymbols = {
  // int clock_gettime(clockid_t clockid, struct timespec *tp);
  clock_gettime: { parameters: ["i32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** `lseek` with a narrow result, to repeat a failed call with an `errno` that is safe to read. */
export const failedSymbols = {
  // off_t lseek(int fd, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i32" },
} as const satisfies SymbolTable;

/** O_DIRECT of asm/fcntl.h, whose value depends on the processor. */
export const directFlags = { arm64: 0o200000, others: 0o40000 } as const;

/** O_NOFOLLOW of asm/fcntl.h, whose value depends on the processor. */
export const noFollowFlags = { arm64: 0o100000, others: 0o400000 } as const;

/** The constants of fcntl.h, sys/resource.h, sys/socket.h and netinet/in.h that differ between Linux and macOS. */
export const constants = {
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
  SOMAXCONN: 4096,
  AF_INET6: 10,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_TYPE: 3,
  SO_ERROR: 4,
  SO_BROADCAST: 6,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_KEEPALIVE: 9,
  SO_LINGER: 13,
  SO_REUSEPORT: 15,
  SO_ACCEPTCONN: 30,
  IPV6_V6ONLY: 26,
} as const;

/**
 * The function that reads links. A link in /proc is at most one page long, so the result fits an `i32`.
 */
export const linkSymbols = {
  // ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz);
  readlinkat: { parameters: ["i32", "address", "address", "address"], result: "i32" },
} as const satisfies SymbolTable;
