/**
 * macOS: its C library, the functions that are called there, and the numbers of its headers.
 * Written from the documentation and never run: nobody here had the machine.
 */
import type { NativeType, SymbolTable } from "../../backend/types.ts";

/** Everything of POSIX is in one library. */
export const libraries: readonly string[] = ["/usr/lib/libSystem.B.dylib"];

/**
 * On Apple's arm64 every variadic argument is on the stack. With six integers of padding after the
 * two named arguments all eight argument registers are taken, and the next one is on the stack,
 * where the callee looks for it (dotnet/runtime#48796).
 */
const padding: readonly NativeType[] = Array<NativeType>(6).fill("i32");

/** The functions of this system; `fcntl` and `open` are variadic, so their shape is the processor's. */
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

/** What only files need. */
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

/** sys/fcntl.h, sys/resource.h and sys/socket.h, where Linux and macOS differ. */
export const numbers = {
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
} as const;
