/** The functions of the C library on POSIX systems. Each group is bound at its first use. */
import { backend, loadLibrary } from "../backend/mod.ts";
import { cString, readText, scratch } from "../backend/scratch.ts";
import { failure } from "../error.ts";
import { arch, isWindows, osName } from "../host.ts";
import type { Calls, SymbolTable } from "../backend/types.ts";
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import * as darwin from "./symbols/darwin.ts";
import * as linux from "./symbols/linux.ts";

/** The functions that every duplicate needs, and this thread's `errno`. */
export interface Libc extends Omit<Calls<typeof linux.symbols>, "__errno_location"> {
  /**
   * The memory of `errno`, as one element. Reading it is a plain load, so nothing that could change it
   * runs between a failing call and the reading.
   */
  readonly errno: Int32Array;
}

/** The functions for files. */
export type LibcFiles = Calls<typeof linux.fileSymbols>;

/** The functions for sockets and for waiting. */
export type LibcSockets = Calls<typeof linux.socketSymbols>;

/** The functions that make a socket and give it addresses. */
export type LibcConnections = Calls<typeof linux.connectionSymbols>;

let base: Libc | undefined;
let files: LibcFiles | undefined;
let sockets: LibcSockets | undefined;
let connections: LibcConnections | undefined;
let messages: Calls<typeof linux.messageSymbols> | undefined;
let kernelCalls: Calls<typeof linux.kernelSymbols> | undefined;
let stdio: Calls<typeof linux.stdioSymbols> | undefined;

/** The functions that every duplicate needs. */
export function libc(): Libc {
  return base ?? (base = loadBase());
}

/** The functions for files. */
export function libcFiles(): LibcFiles {
  return files ?? (files = loadFiles());
}

/** The functions for sockets and for waiting. */
export function libcSockets(): LibcSockets {
  return sockets ?? (sockets = loadSockets());
}

/** The functions that make a socket and give it addresses. */
export function libcConnections(): LibcConnections {
  return connections ?? (connections = loadPortable(linux.connectionSymbols));
}

/**
 * `accept4`, `sendmsg` and `recvmsg`.
 *
 * @param name the name of the call, for the message
 * @throws {HandleError} `ENOTSUP` when the system is not Linux
 */
export function libcMessages(name: string): Calls<typeof linux.messageSymbols> {
  return messages ?? (messages = loadLinux(name, linux.messageSymbols));
}

function loadBase(): Libc {
  requirePosix();
  if (osName() !== "darwin") {
    const calls = loadLibrary(linux.libraries, linux.symbols);
    return { ...calls, errno: errnoAt(calls.__errno_location()) };
  }
  const calls = loadLibrary(darwin.libraries, darwin.symbols(arch()));
  return {
    ...calls,
    fcntl: padded(calls.fcntl as Variadic),
    dup3: missing("dup3", "dup2, then fcntl_setfd"),
    errno: errnoAt(calls.__error()),
  };
}

function loadFiles(): LibcFiles {
  requirePosix();
  if (osName() !== "darwin") {
    const calls = loadLibrary(linux.libraries, linux.fileSymbols);
    return { ...calls, lseek: withSafeErrno(calls.lseek, linux.libraries) };
  }
  const calls = loadLibrary(darwin.libraries, darwin.fileSymbols(arch()));
  return {
    ...calls,
    open: padded(calls.open as Variadic),
    lseek: withSafeErrno(calls.lseek, darwin.libraries),
    pipe2: missing("pipe2", "pipe"),
  };
}

function loadSockets(): LibcSockets {
  return loadPortable(linux.socketSymbols);
}

/** Binds functions that are the same on macOS. */
export function loadPortable<Table extends SymbolTable>(table: Table): Calls<Table> {
  requirePosix();
  const { libraries } = osName() === "darwin" ? darwin : linux;
  return loadLibrary(libraries, table);
}

/**
 * `lseek` returns 64 bits, for which the runtime allocates a `bigint` between the failure and our reading
 * of `errno` (see the symbol table). A failed `lseek` has changed nothing. Called again in a form that
 * allocates nothing, it fails in the same way.
 */
function withSafeErrno(lseek: LibcFiles["lseek"], libraries: readonly string[]) {
  const failed = loadLibrary(libraries, linux.failedSymbols);
  return (fd: number, offset: number, whence: number): number => {
    const position = lseek(fd, offset, whence);
    return position === -1 ? failed.lseek(fd, offset, whence) : position;
  };
}

function errnoAt(address: number): Int32Array {
  return new Int32Array(backend().view(address, Int32Array.BYTES_PER_ELEMENT));
}

type Variadic = (first: number, second: number, ...rest: number[]) => number;

/** Passes the third argument of a variadic function where the symbol table of macOS on arm64 has it. */
function padded(call: Variadic): Variadic {
  if (arch() !== "arm64") return call;
  return (first, second, third) => call(first, second, 0, 0, 0, 0, 0, 0, third as number);
}

function missing(name: string, alternative: string): () => never {
  return () => {
    throw failure("ENOTSUP", name, {
      message: `Cannot call ${name}: this system does not have it; use ${alternative}`,
    });
  };
}

function requirePosix(): void {
  if (!isWindows()) return;
  throw failure("ENOTSUP", "dlopen", {
    message: "Cannot call a POSIX function: this system is Windows; " +
      "use duplicate(), or duphandle/win32 for the system's own calls",
  });
}

/**
 * The functions `syscall` and `prctl`.
 *
 * @param name the name of the call, for the message
 * @throws {HandleError} `ENOTSUP` when the system is not Linux
 */
export function kernel(name: string): Calls<typeof linux.kernelSymbols> {
  return kernelCalls ?? (kernelCalls = loadLinux(name, linux.kernelSymbols));
}

function loadLinux<Table extends SymbolTable>(name: string, table: Table): Calls<Table> {
  requirePosix();
  if (osName() !== "linux") {
    throw failure("ENOTSUP", name, {
      message:
        `Cannot call ${name}: only Linux has it; spawn() hands a handle to another process here`,
    });
  }
  return loadLibrary(linux.libraries, table);
}

/** The numbers of system calls on this processor. */
export function callNumbers(): { readonly [Name in keyof typeof linux.callNumbers.x64]: number } {
  return arch() === "x64" ? linux.callNumbers.x64 : linux.callNumbers.others;
}

/**
 * Writes out the output of native code that the C library still buffers (`fflush`). Errors are ignored:
 * what cannot be written stays in the buffers.
 */
export function flushC(): void {
  const libraries = osName() === "darwin" ? darwin.libraries : linux.libraries;
  stdio ??= loadLibrary(libraries, linux.stdioSymbols);
  stdio.fflush(0);
}

/** How many bytes are read at most. */
const START = 4096;

/** The call that failed, and its `errno`. */
export interface ReadFailure {
  readonly syscall: "open" | "read";
  readonly errno: number;
}

/**
 * The first 4 KiB of a text file, or the failure that prevented reading them. It makes no HandleError for that:
 * the code that makes those reads figures for their messages here, also for the error that no file can be opened.
 *
 * @throws {HandleError} when the functions for files are not bound yet and cannot be bound now
 */
export function textStart(path: string): string | ReadFailure {
  const { errno, close } = libc();
  const { open, read } = libcFiles();
  const fd = open(cString(path, "path"), O_RDONLY | O_CLOEXEC, 0);
  if (fd === -1) return { syscall: "open", errno: errno[0]! };
  const { address } = scratch();
  const length = read(fd, address, START);
  const failed = errno[0]!;
  close(fd);
  if (length === -1) return { syscall: "read", errno: failed };
  return readText(0, length);
}
