/**
 * macOS: its C library, the functions that are called there, and the numbers of its headers. It was
 * written from the documentation and has never run on a Mac.
 */
import type { NativeType, SymbolTable } from "../../backend/types.ts";

/** One library has all POSIX functions. */
export const libraries: readonly string[] = ["/usr/lib/libSystem.B.dylib"];

/**
 * On Apple's arm64 all variadic arguments are passed on the stack. Six integers of padding after the two
 * named arguments fill the eight argument registers, so the next argument is on the stack, where the
 * callee reads it (dotnet/runtime#48796).
 */
const padding: readonly NativeType[] = Array<NativeType>(6).fill("i32");

/**
 * The functions for every duplicate. `fcntl` is variadic, so its prototype depends on the processor.
 */
export function symbols(arch: string) {
  const pad = arch === "arm64" ? padding : [];
  return {
    // int *__error(void);
    __error: { parameters: [], result: "address" },
    // int dup(int fildes);
    dup: { parameters: ["i32"], result: "i32" },
    // int dup2(int fildes, int fildes2);
    dup2: { parameters: ["i32", "i32"], result: "i32" },
    // int fcntl(int fildes, int cmd, ...);
    fcntl: { parameters: ["i32", "i32", ...pad, "i32"], result: "i32" },
    // int close(int fildes);
    close: { parameters: ["i32"], result: "i32" },
    // int getrlimit(int resource, struct rlimit *rlp);
    getrlimit: { parameters: ["i32", "address"], result: "i32" },
  } as const satisfies SymbolTable;
}

/** The functions for files. `open` is variadic, so its prototype depends on the processor. */
export function fileSymbols(arch: string) {
  const pad = arch === "arm64" ? padding : [];
  return {
    // int open(const char *path, int oflag, ...);
    open: { parameters: ["address", "i32", ...pad, "u32"], result: "i32" },
    // off_t lseek(int fildes, off_t offset, int whence);
    lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
    // ssize_t read(int fildes, void *buf, size_t nbyte);
    read: { parameters: ["i32", "address", "address"], result: "i32" },
    // ssize_t write(int fildes, const void *buf, size_t nbyte);
    write: { parameters: ["i32", "address", "address"], result: "i32" },
    // int pipe(int fildes[2]);
    pipe: { parameters: ["address"], result: "i32" },
  } as const satisfies SymbolTable;
}

/**
 * The constants of sys/fcntl.h, sys/resource.h and sys/socket.h that differ between Linux and macOS.
 */
export const constants = {
  F_DUPFD_CLOEXEC: 67,
  O_CREAT: 0x200,
  O_EXCL: 0x800,
  O_TRUNC: 0x400,
  O_APPEND: 0x8,
  O_NONBLOCK: 0x4,
  O_DSYNC: 0x40_0000,
  O_SYNC: 0x80,
  O_NOATIME: 0,
  O_CLOEXEC: 0x100_0000,
  O_NOCTTY: 0x2_0000,
  O_PATH: 0,
  RLIMIT_NOFILE: 8,
  SOCK_CLOEXEC: 0,
  SOCK_NONBLOCK: 0,
  SOMAXCONN: 128,
  AF_INET6: 30,
  SOL_SOCKET: 0xffff,
  SO_REUSEADDR: 4,
  SO_TYPE: 0x1008,
  SO_ERROR: 0x1007,
  SO_BROADCAST: 0x20,
  SO_SNDBUF: 0x1001,
  SO_RCVBUF: 0x1002,
  SO_KEEPALIVE: 8,
  SO_LINGER: 0x80,
  SO_REUSEPORT: 0x200,
  SO_ACCEPTCONN: 2,
  IPV6_V6ONLY: 27,
} as const;
