/** Faults in the system calls of `duphandle/posix`, one by one. */
import { openSync } from "node:fs";
import * as posix from "duphandle/posix";
import { check, type Subject, subject } from "../subject.ts";
import { child, closeFd, file, open, other } from "./fixture.ts";

const { AF_UNIX, close, O_CLOEXEC, O_RDONLY, SOCK_STREAM, SOL_SOCKET } = posix;
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

/** A call with a socket that listens, and one that waits to be accepted. */
function withListener(
  name: string,
  run: (sockets: { readonly listener: number; readonly client: number }) => unknown,
): Subject {
  return subject(`posix.${name}`, `posix.${name}`, {
    setup: () => {
      const [listener, client] = [newSocket(), newSocket()];
      posix.bind(listener, { family: "unix", path: "" });
      posix.listen(listener, 1);
      if (name !== "connect") posix.connect(client, nameOf(listener));
      return { listener, client };
    },
    run,
    clean: ({ listener, client }, accepted) => {
      for (const fd of [listener, client]) close(fd);
      if (typeof accepted === "number" && name === "accept4") close(accepted);
    },
  });
}

const newSocket = () => posix.socket(AF_UNIX, SOCK_STREAM | posix.SOCK_CLOEXEC, 0);
const nameOf = (fd: number) => posix.getsockname(fd) as posix.KnownSocketName;

const rightsOf = (...fds: number[]): posix.ControlMessage => ({
  level: SOL_SOCKET,
  type: posix.SCM_RIGHTS,
  fds,
});

/** A call with a socket that has no address. */
function withSocket(name: string, run: (fd: number) => unknown): Subject {
  return subject(`posix.${name}`, `posix.${name}`, { setup: newSocket, run, clean: close });
}

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
  calling("socket", newSocket, one),
  withSocket("bind", (fd) => posix.bind(fd, { family: "unix", path: "" })),
  withSocket("getsockname", posix.getsockname),
  withSocket("getsockopt", (fd) => posix.getsockopt(fd, SOL_SOCKET, posix.SO_TYPE)),
  withSocket("setsockopt", (fd) => posix.setsockopt(fd, SOL_SOCKET, posix.SO_KEEPALIVE, 1)),
  withListener("listen", ({ listener }) => posix.listen(listener, 5)),
  withListener("connect", ({ listener, client }) => posix.connect(client, nameOf(listener))),
  withListener("accept4", ({ listener }) => posix.accept4(listener, posix.SOCK_CLOEXEC)),
  withListener("getpeername", ({ client }) => posix.getpeername(client)),
  subject("posix.sendmsg", "posix.sendmsg", {
    setup: () => posix.socketpair(AF_UNIX, SOCK_STREAM, 0),
    run: ([one]) => posix.sendmsg(one, { iov: [new Uint8Array(1)], control: [rightsOf(0)] }, 0),
    clean: (fds) => fds.forEach(close),
  }),
  subject("posix.recvmsg", "posix.recvmsg", {
    setup: () => {
      const fds = posix.socketpair(AF_UNIX, SOCK_STREAM, 0);
      posix.sendmsg(fds[0], { iov: [new Uint8Array(1)], control: [rightsOf(0)] }, 0);
      return fds;
    },
    run: ([, other]) => posix.recvmsg(other, { iov: [new Uint8Array(1)] }, 0),
    clean: (fds, received) => {
      received?.control.forEach((each) => each.fds?.forEach(close));
      fds.forEach(close);
    },
  }),
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
