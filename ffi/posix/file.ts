/** Files and pipes: open(2), lseek(2), read(2), write(2), pipe(2). */
import {
  checkBuffer,
  checkFd,
  checkInt,
  checkInteger,
  copyFrom,
  copyTo,
  MAX_FD,
  show,
} from "../check.ts";
import { cString, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { posixError } from "./errors.ts";
import { libc, libcFiles } from "./libc.ts";

/**
 * `open(path, flags, mode)` — opens a file.
 *
 * @param path the file's path
 * @param flags an access mode, with `O_CLOEXEC`, `O_APPEND` and others
 * @param mode the permission bits of a new file, default 0
 * @returns the new descriptor
 * @throws {HandleError} `ENOENT`, `EACCES`, `EMFILE` and the other errors of open(2)
 * @throws {TypeError} when the path is not a string, contains a NUL or is longer than 64 KiB, or when a
 * number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/open.2.html
 *
 * @example
 * ```ts
 * import { close, O_CLOEXEC, O_RDONLY, open } from "duphandle/posix";
 *
 * close(open("/dev/null", O_RDONLY | O_CLOEXEC));
 * ```
 */
export function open(path: string, flags: number, mode: number = 0): number {
  if (typeof path !== "string") throw new TypeError(`Cannot open ${show(path)}: not a string`);
  checkInt(flags, "flags");
  checkInteger(mode, "mode", 0, 0o7777);
  const address = cString(path, "path");
  const { errno } = libc();
  const fd = libcFiles().open(address, flags, mode);
  if (fd === -1) throw posixError(errno[0]!, "open", undefined, path);
  return fd;
}

/**
 * `lseek(fd, offset, whence)` — moves the position of the open file, which its duplicates share.
 *
 * @param fd a descriptor of the open file
 * @param offset the distance in bytes, within ±2^53
 * @param whence the origin: `SEEK_SET`, `SEEK_CUR` or `SEEK_END`
 * @returns the new position in bytes from the start
 * @throws {HandleError} `EBADF`, `EINVAL`, or `ESPIPE` for a pipe, a socket or a terminal
 * @throws {TypeError} when a number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/lseek.2.html
 *
 * @example
 * ```ts
 * import { close, lseek, O_RDONLY, open, SEEK_END } from "duphandle/posix";
 *
 * const fd = open("/etc/hostname", O_RDONLY);
 * const size = lseek(fd, 0, SEEK_END);
 * close(fd);
 * ```
 */
export function lseek(fd: number, offset: number, whence: number): number {
  checkFd(fd);
  checkInteger(offset, "offset", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  checkInt(whence, "whence");
  const { errno } = libc();
  const position = libcFiles().lseek(fd, offset, whence);
  if (position === -1) throw posixError(errno[0]!, "lseek", fd);
  return position;
}

/**
 * `read(fd, buf, count)` — reads bytes at the position of the open file.
 *
 * One call reads at most 64 KiB. As with the C function, it may read fewer bytes than `count`.
 *
 * @param fd the descriptor to read from
 * @param buf receives the bytes
 * @param count the most bytes to read, default the length of `buf`
 * @returns how many bytes were read; 0 at the end of the file
 * @throws {HandleError} `EBADF` when `fd` is not open for reading, `EAGAIN`, `EIO` and others
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/read.2.html
 *
 * @example
 * ```ts
 * import { close, O_RDONLY, open, read } from "duphandle/posix";
 *
 * const fd = open("/etc/hostname", O_RDONLY);
 * const buffer = new Uint8Array(256);
 * console.log(new TextDecoder().decode(buffer.subarray(0, read(fd, buffer))));
 * close(fd);
 * ```
 */
export function read(fd: number, buf: Uint8Array, count?: number): number {
  checkFd(fd);
  const length = Math.min(checkBuffer(buf, count), SCRATCH_SIZE);
  const { address, bytes } = scratch();
  const { errno } = libc();
  const done = libcFiles().read(fd, address, length);
  if (done === -1) throw posixError(errno[0]!, "read", fd);
  copyTo(buf, bytes.subarray(0, done));
  return done;
}

/**
 * `write(fd, buf, count)` — writes bytes at the position of the open file.
 *
 * One call writes at most 64 KiB. As with the C function, it may write fewer bytes than `count`.
 *
 * @param fd the descriptor to write to
 * @param buf the bytes to write
 * @param count how many bytes of `buf` to write, default all
 * @returns how many bytes were written
 * @throws {HandleError} `EBADF` when `fd` is not open for writing, `EAGAIN`, `EPIPE`, `ENOSPC`
 * and others
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/write.2.html
 *
 * @example
 * ```ts
 * import { write } from "duphandle/posix";
 *
 * write(1, new TextEncoder().encode("hello\n"));
 * ```
 */
export function write(fd: number, buf: Uint8Array, count?: number): number {
  checkFd(fd);
  const length = Math.min(checkBuffer(buf, count), SCRATCH_SIZE);
  const { address, bytes } = scratch();
  copyFrom(buf, length, bytes);
  const { errno } = libc();
  const done = libcFiles().write(fd, address, length);
  if (done === -1) throw posixError(errno[0]!, "write", fd);
  return done;
}

/**
 * `pipe2(pipefd, flags)` — makes a pipe. macOS does not have it: `ENOTSUP`.
 *
 * @param flags `O_CLOEXEC`, `O_NONBLOCK`, or 0
 * @returns the reading end, then the writing end
 * @throws {HandleError} `EMFILE`, `ENFILE`, or `EINVAL` for an unknown flag
 * @throws {TypeError} when `flags` is not an `int`
 * @see https://man7.org/linux/man-pages/man2/pipe.2.html
 *
 * @example
 * ```ts
 * import { close, O_CLOEXEC, pipe2 } from "duphandle/posix";
 *
 * const [reader, writer] = pipe2(O_CLOEXEC);
 * close(reader);
 * close(writer);
 * ```
 */
export function pipe2(flags: number): [reader: number, writer: number] {
  checkInteger(flags, "flags", 0, MAX_FD);
  const { address, int32 } = scratch();
  const { errno } = libc();
  if (libcFiles().pipe2(address, flags) === -1) throw posixError(errno[0]!, "pipe2", undefined);
  return [int32[0]!, int32[1]!];
}
