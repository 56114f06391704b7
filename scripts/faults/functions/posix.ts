/** Faults in the system calls of `duphandle/posix`, one by one. */
import { openSync } from "node:fs";
import * as posix from "duphandle/posix";
import { check, type Subject, subject } from "../subject.ts";
import { child, closeFd, file, open, other } from "./fixture.ts";

const { close, O_CLOEXEC, O_RDONLY } = posix;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const KCMP_FILE = 0;

/** A call that makes a descriptor, or changes one, of the file. */
function calling(
  name: string,
  run: (fd: number) => unknown,
  closes: (result: unknown) => readonly number[] = () => [],
): Subject {
  return subject(`posix.${name}`, `posix.${name}`, {
    setup: () => open(),
    run,
    clean: (fd, result) => {
      if (result !== undefined) closes(result).forEach(close);
      closeFd(fd);
    },
  });
}

const one = (result: unknown) => [result as number];
const both = (result: unknown) => result as readonly number[];

/** The faults of `duphandle/posix`. */
export const posixSubjects: readonly Subject[] = [
  calling("dup", posix.dup, one),
  calling("fcntl_dupfd", (fd) => posix.fcntl_dupfd(fd, 3), one),
  calling("fcntl_dupfd_cloexec", (fd) => posix.fcntl_dupfd_cloexec(fd, 3), one),
  calling("fcntl_getfd", posix.fcntl_getfd),
  calling("fcntl_setfd", (fd) => posix.fcntl_setfd(fd, 1)),
  calling("fcntl_getfl", posix.fcntl_getfl),
  calling("fcntl_setfl", (fd) => posix.fcntl_setfl(fd, posix.O_APPEND)),
  calling("lseek", (fd) => posix.lseek(fd, 0, 0)),
  calling("read", (fd) => posix.read(fd, new Uint8Array(3))),
  calling("write", (fd) => posix.write(fd, new Uint8Array([0x30]))),
  calling("open", () => posix.open(file, O_RDONLY | O_CLOEXEC), one),
  calling("pipe2", () => posix.pipe2(O_CLOEXEC), both),
  calling("socketpair", () => posix.socketpair(AF_UNIX, SOCK_STREAM, 0), both),
  calling("poll", (fd) => posix.poll([{ fd, events: 1 }], 0)),
  calling("kcmp", (fd) => posix.kcmp(process.pid, process.pid, KCMP_FILE, fd, 0)),
  calling("pidfd_open", () => posix.pidfd_open(child.pid as number, 0), one),
  calling("prctl", () => posix.prctl(3)), // PR_GET_DUMPABLE
  subject("posix.pidfd_getfd", "posix.pidfd_getfd", {
    setup: () => posix.pidfd_open(child.pid as number, 0),
    run: (pidfd) => posix.pidfd_getfd(pidfd, 0, 0),
    clean: (pidfd, fd) => {
      if (fd !== undefined) close(fd);
      close(pidfd);
    },
  }),
  subject("posix.close", "posix.close", {
    setup: () => posix.dup(0),
    run: close,
    clean: () => {},
  }),
  ...["dup2", "dup3"].map((name) =>
    subject(`posix.${name}`, `posix.${name}`, {
      setup: () => ({ fd: open(), target: openSync(other, "r") }),
      run: ({ fd, target }) =>
        name === "dup2" ? posix.dup2(fd, target) : posix.dup3(fd, target, O_CLOEXEC),
      clean: ({ fd, target }, result) => {
        check(result === undefined || result === target, `it returned ${result}`);
        closeFd(fd);
        closeFd(target, result === undefined ? other : file);
      },
    })
  ),
];
