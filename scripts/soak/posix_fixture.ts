/** The failing calls of Linux and macOS. */
import { readdirSync } from "node:fs";
import * as posix from "../../ffi/posix/mod.ts";
import { libc, libcFiles } from "../../ffi/posix/libc.ts";
import { borrow, duplicate, duplicateOnto } from "../../mod.ts";
import type { BareCall } from "./bare.ts";
import type { Fixture } from "./fixture.ts";
import { failing, type FailingCall, type Failure } from "./verify.ts";

const linux = process.platform === "linux";

/** errno-base.h; `EAGAIN` is the one that differs on macOS. */
const EBADF: Failure = { native: 9, code: "EBADF", status: "ERROR_INVALID_HANDLE" };
const EINVAL: Failure = { native: 22, code: "EINVAL", status: "ERROR_INVALID_PARAMETER" };
const ENOENT: Failure = { native: 2, code: "ENOENT", status: "ERROR_FILE_NOT_FOUND" };
const ESPIPE: Failure = { native: 29, code: "ESPIPE", status: "ERROR_SEEK_ON_DEVICE" };
const EPIPE: Failure = { native: 32, code: "EPIPE", status: "ERROR_BROKEN_PIPE" };
const EAGAIN: Failure = { native: linux ? 11 : 35, code: "EAGAIN", status: "ERROR_NO_DATA" };

const MAX_FD = 2 ** 31 - 1;

/** The handles of a thread on Linux or macOS, and how each call fails on them. */
export function posixFixture(slot: number): Fixture {
  const file = posix.open("/dev/zero", posix.O_RDONLY | posix.O_CLOEXEC);
  const closed = closedAbove(file, 500 + 50 * slot);
  const calls = [...fileCalls(file, closed), ...verbCalls(file, closed)];
  // macOS has neither dup3 nor pipe2.
  if (linux) calls.push(...dup3Calls(file, closed), ...pipeCalls());
  return {
    calls,
    bare: bareCalls(file, closed),
    source: file,
    countHandles: () => readdirSync(linux ? "/proc/self/fd" : "/dev/fd").length,
    countSlack: 0,
  };
}

/**
 * A descriptor that was open and is closed. Other threads open files all the time and get the
 * lowest free numbers, so this one is far above those and stays free.
 */
function closedAbove(file: number, minimum: number): number {
  const fd = posix.fcntl_dupfd_cloexec(file, minimum);
  posix.close(fd);
  return fd;
}

function fileCalls(file: number, closed: number): FailingCall[] {
  const { dup, dup2, fcntl_dupfd, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_getfl } = posix;
  const missing = "/nonexistent/duphandle";
  const bytes = new Uint8Array(1);
  return [
    failing("dup(closed)", EBADF, "dup", closed, () => dup(closed)),
    failing("dup2(closed)", EBADF, "dup2", closed, () => dup2(closed, closed + 1)),
    failing("F_DUPFD(closed)", EBADF, "fcntl", closed, () => fcntl_dupfd(closed)),
    failing("F_DUPFD_CLOEXEC(max)", EINVAL, "fcntl", file, () => fcntl_dupfd_cloexec(file, MAX_FD)),
    failing("F_GETFD(closed)", EBADF, "fcntl", closed, () => fcntl_getfd(closed)),
    failing("F_GETFL(never open)", EBADF, "fcntl", MAX_FD, () => fcntl_getfl(MAX_FD)),
    failing("close(closed)", EBADF, "close", closed, () => posix.close(closed)),
    failing("open(missing)", ENOENT, "open", undefined, () => posix.open(missing, 0)),
    failing("lseek(whence)", EINVAL, "lseek", file, () => posix.lseek(file, 0, 99)),
    failing("lseek(closed)", EBADF, "lseek", closed, () => posix.lseek(closed, 0, posix.SEEK_CUR)),
    failing("read(closed)", EBADF, "read", closed, () => posix.read(closed, bytes)),
    failing("write(read-only)", EBADF, "write", file, () => posix.write(file, bytes)),
  ];
}

function verbCalls(file: number, closed: number): FailingCall[] {
  const beyond = { minimum: MAX_FD };
  const lost = borrow(closed);
  return [
    failing("duplicate(closed)", EBADF, "fcntl", closed, () => duplicate(closed)),
    failing("borrowed.duplicate()", EBADF, "fcntl", closed, () => lost.duplicate()),
    failing("duplicate(minimum)", EINVAL, "fcntl", file, () => duplicate(file, beyond)),
  ];
}

function dup3Calls(file: number, closed: number): FailingCall[] {
  const { dup3 } = posix;
  return [
    failing("dup3(x, x)", EINVAL, "dup3", file, () => dup3(file, file, 0)),
    failing("dup3(flags)", EINVAL, "dup3", file, () => dup3(file, closed, 1)),
    failing("dup3(closed)", EBADF, "dup3", closed, () => dup3(closed, closed + 1, 0)),
    failing("duplicateOnto(x, x)", EINVAL, "dup3", file, () => duplicateOnto(file, file)),
  ];
}

function pipeCalls(): FailingCall[] {
  const { lseek, O_CLOEXEC, O_NONBLOCK, pipe2, read, SEEK_CUR, write } = posix;
  const [reader, writer] = pipe2(O_CLOEXEC | O_NONBLOCK);
  // The runtimes ignore SIGPIPE, so a pipe without a reader is an error number like others.
  const [gone, broken] = pipe2(O_CLOEXEC);
  posix.close(gone);
  const bytes = new Uint8Array(1);
  return [
    failing("lseek(pipe)", ESPIPE, "lseek", reader, () => lseek(reader, 0, SEEK_CUR)),
    failing("write(reader)", EBADF, "write", reader, () => write(reader, bytes)),
    failing("read(writer)", EBADF, "read", writer, () => read(writer, bytes)),
    failing("read(empty)", EAGAIN, "read", reader, () => read(reader, bytes)),
    failing("write(no reader)", EPIPE, "write", broken, () => write(broken, bytes)),
    failing("pipe2(flags)", EINVAL, "pipe2", undefined, () => pipe2(1)),
  ];
}

/** Most have a result of 64 bits, which the engines keep in memory that has to be collected. */
function bareCalls(file: number, closed: number): BareCall[] {
  const { dup, errno } = libc();
  const { lseek, write } = libcFiles();
  // Each reads the number itself, as the library does: at the entry of another function the engine may collect.
  const moving = (): number => lseek(file, 0, 99) === -1 ? errno[0]! : 0;
  const writing = (): number => write(file, 0, 0) === -1 ? errno[0]! : 0;
  const duplicating = (): number => dup(closed) === -1 ? errno[0]! : 0;
  return [
    { name: "lseek", run: moving, expected: EINVAL.native },
    { name: "write", run: writing, expected: EBADF.native },
    { name: "lseek", run: moving, expected: EINVAL.native },
    { name: "dup", run: duplicating, expected: EBADF.native },
  ];
}
