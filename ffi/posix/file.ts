/** Opening, positions, bytes and pipes: what a duplicate is made from and proved with. */
import { checkBuffer, checkFd, checkInt, checkInteger, MAX_FD, show } from "../check.ts";
import { cString, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { posixError } from "./errors.ts";
import { libc, libcFiles } from "./libc.ts";

/**
 * `open(path, flags, mode)` — opens a file.
 *
 * @param path the file's path
 * @param flags an access mode and `O_CLOEXEC`, `O_APPEND`, …
 * @param mode permission bits of a new file, default 0
 * @returns the new descriptor
 * @throws {HandleError} `ENOENT`, `EACCES`, `EMFILE` and whatever else open(2) lists
 * @throws {TypeError} when the path holds a NUL, is no string or is longer than 64 KiB
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
 * `lseek(fd, offset, whence)` — moves the position of the open file, which all duplicates share.
 *
 * @param fd a descriptor of the open file
 * @param offset bytes, within ±2^53
 * @param whence `SEEK_SET`, `SEEK_CUR` or `SEEK_END`
 * @returns the new position in bytes from the start
 * @throws {HandleError} `EBADF`, `EINVAL`, or `ESPIPE` for a pipe, socket or terminal
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
 * `read(fd, buf, count)` — reads at the position of the open file.
 *
 * At most 64 KiB come at once; like any read it may give less than was asked for.
 *
 * @param fd the descriptor to read from
 * @param buf where the bytes go
 * @param count how many bytes at most, default all that fit
 * @returns how many bytes were read; 0 at the end of the file
 * @throws {HandleError} `EBADF` when `fd` is not open for reading, `EAGAIN`, `EIO`, …
 * @throws {TypeError} when an argument is not of its kind
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
export function read(fd: number, buf: Uint8Array, count: number = buf?.length): number {
  checkFd(fd);
  checkBuffer(buf, count);
  const { address, bytes } = scratch();
  const { errno } = libc();
  const done = libcFiles().read(fd, address, Math.min(count, SCRATCH_SIZE));
  if (done === -1) throw posixError(errno[0]!, "read", fd);
  buf.set(bytes.subarray(0, done));
  return done;
}

/**
 * `write(fd, buf, count)` — writes at the position of the open file.
 *
 * At most 64 KiB go at once; like any write it may take less than it was given.
 *
 * @param fd the descriptor to write to
 * @param buf the bytes to write
 * @param count how many of them, default all
 * @returns how many bytes were written
 * @throws {HandleError} `EBADF` when `fd` is not open for writing, `EAGAIN`, `EPIPE`, `ENOSPC`, …
 * @throws {TypeError} when an argument is not of its kind
 * @see https://man7.org/linux/man-pages/man2/write.2.html
 *
 * @example
 * ```ts
 * import { write } from "duphandle/posix";
 *
 * write(1, new TextEncoder().encode("hello\n"));
 * ```
 */
export function write(fd: number, buf: Uint8Array, count: number = buf?.length): number {
  checkFd(fd);
  checkBuffer(buf, count);
  const { address, bytes } = scratch();
  const length = Math.min(count, SCRATCH_SIZE);
  bytes.set(buf.subarray(0, length));
  const { errno } = libc();
  const done = libcFiles().write(fd, address, length);
  if (done === -1) throw posixError(errno[0]!, "write", fd);
  return done;
}

/**
 * `pipe2(pipefd, flags)` — makes a pipe. macOS does not have it: `ENOTSUP`.
 *
 * @param flags `O_CLOEXEC`, `O_NONBLOCK`, or 0
 * @returns the end to read from, then the end to write to
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
