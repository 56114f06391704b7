/** Faults while a service and its manager tell each other something. */
import { inetdSocket, listenFds, notify } from "duphandle";
import { AF_UNIX, bind, close, SOCK_CLOEXEC, SOCK_DGRAM, socket } from "duphandle/posix";
import { check, checkFile, type Subject, subject } from "../subject.ts";
import { closeFd, open } from "./fixture.ts";

/** A manager that reads nothing: its queue has room for a few messages. */
function receiver(): number {
  const path = `\0duphandle-faults-${crypto.randomUUID()}`;
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bind(fd, { family: "unix", path });
  process.env["NOTIFY_SOCKET"] = path.replace("\0", "@");
  return fd;
}

/** The faults of `duphandle/systemd`. */
export const systemdSubjects: readonly Subject[] = [
  // A victim is started with /dev/null as fd 3.
  subject("listenFds", "listenFds", {
    setup: () => {
      Object.assign(process.env, { LISTEN_PID: String(process.pid), LISTEN_FDS: "1" });
    },
    run: () => listenFds(),
    clean: (_, passed) => {
      const isLeft = process.env["LISTEN_FDS"] === "1";
      check(isLeft === (passed === undefined), "the variables are not those of the outcome");
      for (const { handle } of passed ?? []) checkFile(handle.release(), "/dev/null");
    },
    fresh: true,
  }),
  subject("notify", "notify", {
    setup: () => ({ manager: receiver(), fd: open() }),
    run: ({ fd }) => notify("READY=1", { one: fd, other: fd }),
    clean: ({ manager, fd }, isSent) => {
      check(isSent !== false, "there is a manager");
      delete process.env["NOTIFY_SOCKET"];
      close(manager);
      closeFd(fd);
    },
  }),
  // The standard input of a victim is a socket.
  subject("inetdSocket", "inetdSocket", {
    setup: () => {},
    run: () => inetdSocket(),
    clean: (_, handle) => handle?.close(),
    only: {
      calls: ["fcntl", "close"],
      reason: "a socket that does not tell what it is, is none",
    },
  }),
];
